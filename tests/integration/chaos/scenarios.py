"""The troubles. Each is a function of the rig and a seed that plays one round and says what came.

`SCENARIOS` lists them for `make chaos`; test_chaos.py plays some of them.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.harness.postgres import Postgres, find_postgres
from tests.integration.chaos.proxy import BREAKS, LIES, SENDS, Fault, Kill, Random
from tests.integration.chaos.rig import Outcome, Rig
from tests.integration.chaos.world import LATE, NIGHT
from tidegate.fees import GWEI

LATE_END = LATE + 7


class Missing(Exception):
    """The machine lacks what a scenario needs."""


def quiet(rig: Rig, seed: int) -> Outcome:
    """No trouble: what the others are compared with."""
    with rig.round(seed) as night:
        night.keeper(night.proxy())
        return night.settle()


# The process


def requests_of_a_pass(rig: Rig) -> int:
    """How often a keeper waits for an answer until everything that is due is done."""
    with rig.round(0, late=True) as night:
        proxy = night.proxy()
        night.keeper(proxy)
        night.settle(LATE_END)
        return proxy.count


def killed_at(rig: Rig, at: int, answered: bool) -> Outcome:
    """SIGKILL at the n-th request, before the node has it or with the answer on its way."""
    with rig.round(at, late=True) as night:
        proxy = night.proxy()
        proxy.kill = Kill(at, answered, lambda: night.keepers[0].kill())
        night.keeper(proxy)
        night.until(lambda: night.keepers[0].restarts > 0, patience=5.0)
        return night.settle(LATE_END)


def dying(rig: Rig, seed: int) -> Outcome:
    """Killed again and again, each life a few requests longer than the one before."""
    rng = random.Random(seed)
    with rig.round(seed) as night:
        proxy = night.proxy()
        night.keeper(proxy)
        life = rng.randint(1, 10)
        while night.tide.age < NIGHT - 4:
            restarts = night.keepers[0].restarts
            proxy.kill = Kill(proxy.count + life, rng.random() < 0.5, night.keepers[0].kill)
            night.until(lambda n=restarts: night.keepers[0].restarts > n, patience=2.0)
            life += rng.randint(1, 12)
        return night.settle()


# The node


def breaking(rig: Rig, seed: int) -> Outcome:
    """Requests and answers are lost, cut short, refused; the rate is limited."""
    with rig.round(seed) as night:
        proxy = night.proxy(schedule=Random((*BREAKS, Fault.DELAY), 0.4, seed), pause=0.3)
        night.keeper(proxy)
        night.wait(NIGHT - 4)
        return night.settle()


def lying(rig: Rig, seed: int) -> Outcome:
    """Heads, receipts and logs that are not so."""
    with rig.round(seed) as night:
        proxy = night.proxy(schedule=Random((*LIES, Fault.WRONG_CHAIN), 0.3, seed))
        night.keeper(proxy)
        night.wait(NIGHT - 4)
        return night.settle()


def reordering(rig: Rig, seed: int) -> Outcome:
    """Answers of a batch in any order, answers of earlier requests."""
    with rig.round(seed) as night:
        proxy = night.proxy(schedule=Random((Fault.SHUFFLED, Fault.STALE), 0.4, seed))
        night.keeper(proxy)
        night.wait(NIGHT - 4)
        return night.settle()


def losing_sends(rig: Rig, seed: int) -> Outcome:
    """Transactions that were answered and are lost, or taken with an error for an answer."""
    with rig.round(seed) as night:
        proxy = night.proxy(schedule=Random(SENDS, 0.6, seed))
        night.keeper(proxy)
        night.wait(NIGHT - 4)
        return night.settle()


def lagging(rig: Rig, seed: int) -> Outcome:
    """Two nodes: one far behind, the other breaks off now and then."""
    with rig.round(seed) as night:
        behind = night.proxy(lag=8)
        breaks = night.proxy(schedule=Random(BREAKS, 0.1, seed))
        night.keeper(behind, breaks)
        night.wait(NIGHT - 4)
        night.other_faults = behind.count  # every answer of it
        return night.settle()


# The chain


def forking(rig: Rig, seed: int) -> Outcome:
    """Five blocks are undone, four times, with all, half or none of their transactions kept."""
    rng = random.Random(seed)
    with rig.round(seed) as night:
        night.keeper(night.proxy(schedule=Random((Fault.OLD_RECEIPT,), 0.5, seed)))
        for age in (6, 10, 15, 20):
            night.wait(age)
            night.tide.fork(5, rng.choice((0.0, 0.5, 1.0)))
            night.other_faults += 1
        return night.settle()


def reset(rig: Rig, seed: int) -> Outcome:
    """The node comes back with another chain of its id, where the exchange is deployed anew."""
    with rig.round(seed) as night:
        night.keeper(night.proxy())
        night.wait(10)
        night.tide.__exit__()
        rig.new_chain()
        night.restart_tide()
        night.other_faults += 1
        return night.settle()


def stuck(rig: Rig, seed: int) -> Outcome:
    """What the keeper sent waits: gas becomes dear, or dearer than its limit, or the pool is lost.

    Blocks stay empty until something of it waits.
    """
    rng = random.Random(seed)
    troubles = ["dear", "too dear", "lost", "slow"]
    rng.shuffle(troubles)
    ours = {address.lower() for address in rig.world.keeper_addresses}

    def waits() -> bool:
        return any(sent.sender in ours for sent in rig.node.waiting())

    with rig.round(seed) as night:
        night.keeper(night.proxy())
        for age, trouble in zip((2, 6, 10, 15), troubles, strict=True):
            night.wait(age)
            night.tide.full = False
            night.until(waits, patience=0.5)
            with rig.node.lock:
                if trouble == "dear":
                    rig.node.set_base_fee(40 * GWEI)
                elif trouble == "too dear":
                    rig.node.set_base_fee(600 * GWEI)
                elif trouble == "lost":
                    rig.node.drop_pool(ours)
            if trouble == "slow":
                night.wait(age + 4)
            night.tide.full = True
            night.other_faults += 1
        return night.settle()


# Others


def racing(rig: Rig, seed: int) -> Outcome:
    """Two keepers that know nothing of each other do the same work."""
    with rig.round(seed) as night:
        for _ in range(2):
            night.keeper(night.proxy())
        night.other_faults = 1
        return night.settle()


def sharing(rig: Rig, seed: int) -> Outcome:
    """Two keepers split the work by hash, and one of them is killed for good."""
    with rig.round(seed) as night:
        for number in range(2):
            night.keeper(night.proxy(), share=f"{number}/2")
        night.wait(random.Random(seed).randint(2, 12))
        night.keepers.pop(seed % 2).kill()
        night.other_faults = 1
        return night.settle()


def skewed(rig: Rig, seed: int) -> Outcome:
    """The keeper's clock is wrong by up to a day; then the chain's leaps ahead by a minute."""
    rng = random.Random(seed)
    with rig.round(seed) as night:
        night.keeper(night.proxy(), skew=rng.choice((-86_400.0, -90.0, 90.0, 86_400.0)))
        night.wait(16)
        with rig.node.lock:
            rig.node.mine(60)
        night.other_faults = 2
        return night.settle(NIGHT + 60)


@contextmanager
def database() -> Iterator[Postgres]:
    binaries = find_postgres()
    if binaries is None:
        raise Missing("PostgreSQL was not found: install Debian's package postgresql")
    server = Postgres(binaries)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def without_database(rig: Rig, seed: int) -> Outcome:
    """Two keepers share by leases; PostgreSQL loses power and comes back."""
    rng = random.Random(seed)
    with database() as server, rig.round(seed) as night:
        for number in range(2):
            night.keeper(night.proxy(), share=f"{number}/2", lease=server.url)
        night.wait(rng.randint(3, 6))
        server.stop()
        night.wait(rng.randint(10, 14))
        server.start()
        night.other_faults = 1
        return night.settle()


@dataclass(frozen=True, slots=True)
class Scenario:
    """`most`: transactions that may do nothing in one round, because another did it before."""

    name: str
    play: Callable[[Rig, int], Outcome]
    most: int
    short: bool = True  # played by `make test`


SCENARIOS = (
    Scenario("no trouble", quiet, 0, short=False),
    Scenario("killed again and again", dying, 8),
    Scenario("node breaks off", breaking, 3, short=False),
    Scenario("node lies", lying, 6),
    Scenario("node reorders", reordering, 3, short=False),
    Scenario("node loses what is sent", losing_sends, 3),
    Scenario("one node lags, another breaks off", lagging, 3),
    Scenario("five blocks undone", forking, 6),
    Scenario("chain reset", reset, 1),
    Scenario("stuck and underpriced", stuck, 3),
    Scenario("two keepers race", racing, 14),
    Scenario("one of two dies", sharing, 3, short=False),
    Scenario("clocks are wrong", skewed, 3),
    Scenario("PostgreSQL restarts", without_database, 4),
)
