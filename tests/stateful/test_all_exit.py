"""Everybody leaves in any order: from states that a life came to, and from the worst ones."""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.stateful.cast import SUBS, WEIGHTED, Cast, Tally
from tests.stateful.exits import Exits, all_exit
from tests.stateful.life import Life
from tests.stateful.world import BTC, CORNER, EPOCH, ETH, INSTRUMENTS, NEVER, ORDINARY, World
from tidegate.client.orders import OrderState
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, TRADING, Venue
from tidegate.spec.rounding import WAD

State = Callable[[Life, Random], None]
ACTIONS = 80  # of the life before
EXITS = 3  # from each state; one of them at the corners
SEEDS = range(1, 40)  # to find lives that can come to it


class UnfitError(Exception):
    """This life cannot come to the state asked for, e.g. its vault is empty."""


def fit(ok: bool) -> None:
    if not ok:
        raise UnfitError


def positions(life: Cast, rng: Random, tenths: int = 60) -> None:
    """Everybody trades something, at this part of their equity; what is refused is refused."""
    life.refresh()
    for account in life.accounts:
        instrument = rng.choice(INSTRUMENTS)
        size = life.size_for(account, instrument, tenths) * rng.choice((1, -1))
        life.clear("open", life.pooled(account, instrument, size))


def move(life: Cast, feed: int, ppm: int, times: int) -> None:
    for _ in range(times):
        life.move(feed, ppm)
    life.system.wait(1)


def as_it_is(life: Life, rng: Random) -> None:
    """Whatever the life left."""


def openings_paused(life: Life, rng: Random) -> None:
    positions(life, rng)
    for venue in (life.system.exchange.address, life.system.venue):
        terms = Venue(NEVER, NEVER, TRADING)
        life.system.must("core", "set_venue", venue, terms, sender=life.system.owner)


def caps_at_zero(life: Life, rng: Random) -> None:
    """The vault has lost everything: nothing may open."""
    positions(life, rng)
    win_against_the_vault(life)
    life.system.must("vault", "poke_caps", sender=life.system.keeper)
    fit({life.core.interest[instrument].scale for instrument in INSTRUMENTS} == {0})


def stale_then_back(life: Life, rng: Random) -> None:
    positions(life, rng)
    life.system.wait(rng.randint(1, 20) * 86_400)


def requests_of_many_epochs(life: Life, rng: Random) -> None:
    positions(life, rng)
    spare = [words.account(trader, SUBS) for trader in life.traders[:3]]
    for account in (*life.lps, *spare):
        owner, kind = words.owner_of(account), rng.choice(("request_deposit", "request_redeem"))
        if account in spare:
            # those have no request yet: two epochs wait at least
            life.system.must("core", "set_delegate", life.system.vault_at, 2, 2**40, sender=owner)
            life.system.must("core", "deposit", account, COLLATERAL, 10**10, sender=owner)
            kind = "request_deposit"
        amount = rng.randint(1, 1_000) * WAD
        life.system.both("vault", kind, account, amount, 0, NEVER, sender=owner)
        life.system.wait(EPOCH)
    fit(sum(any(held[1:]) for held in life.vault.waiting.values()) > 1)


def orders_everywhere(life: Life, rng: Random) -> None:
    positions(life, rng)
    for _ in range(30):
        life.refresh()
        life.place(rng)
    states = {placed.state for placed in life.system.exchange.orders.values()}
    fit(states & {OrderState.RESTING, OrderState.WAITING})


def bankrupts(life: Life, rng: Random) -> None:
    positions(life, rng, 140)
    feed = rng.choice((1, 2))
    move(life, feed, rng.choice((-90_000, 98_000)), rng.randint(2, 5))
    fit(any(life.core.health(account)[0] < 0 for account in life.accounts))


def revoked(life: Life, rng: Random) -> None:
    """The exchange is gone; its places hold stakes, another takes its place."""
    orders_everywhere(life, rng)
    for venue in (life.system.exchange.address, life.system.venue):
        life.system.must("core", "set_venue", venue, Venue(), sender=life.system.owner)


def win_against_the_vault(life: Life) -> None:
    """One trader holds what the caps allow while the price becomes a multiple."""
    system, long = life.system, life.accounts[0]
    owner = words.owner_of(long)
    system.must("core", "set_venue", system.venue, Venue(role=TRADING), sender=system.owner)
    system.must("core", "deposit", long, COLLATERAL, 500_000 * 10**6, sender=owner)
    life.refresh()
    interest, trade = life.core.interest[ETH], system.world.terms[ETH][1]
    room = interest.scaled_down(trade.hard_cap) - interest.long_side
    fill = life.pooled(long, ETH, min(room, trade.soft_cap - interest.skew) * 99 // 100)
    fit(system.both("core", "clear", [fill], sender=system.venue))
    move(life, 2, 98_000, 14)
    fit(life.vault.equity() < 0)


def beyond_the_vault(life: Life, rng: Random) -> None:
    """Shareholders lose everything to a trader, and then another goes bankrupt."""
    system, short = life.system, life.accounts[2]
    system.must("core", "deposit", short, COLLATERAL, 10**10, sender=words.owner_of(short))
    life.refresh()
    system.must("core", "set_venue", system.venue, Venue(role=TRADING), sender=system.owner)
    size = life.size_for(short, BTC, 80) + max(0, life.held(short, BTC))
    fill = life.pooled(short, BTC, -size)
    fit(system.both("core", "clear", [fill], sender=system.venue))
    win_against_the_vault(life)
    move(life, 1, 98_000, 5)
    fit(life.core.health(short)[0] < 0)


STATES = (
    as_it_is,
    openings_paused,
    caps_at_zero,
    stale_then_back,
    requests_of_many_epochs,
    orders_everywhere,
    bankrupts,
    revoked,
)


def lives(state: State, actions: int = ACTIONS) -> Iterator[tuple[Life, Random]]:
    """Lives of so many actions that end in a state of this kind."""
    found = 0
    for seed in SEEDS:
        corner = found == EXITS - 1
        try:
            yield lived(seed, state, actions, CORNER if corner else ORDINARY), Random(seed)
        except UnfitError:
            continue
        found += 1
        if found == EXITS:
            return
    raise AssertionError(f"only {found} lives came to {state.__name__}")


def lived(seed: int, state: State, actions: int, world: World) -> Life:
    rng = Random(f"{state.__name__} {seed}")
    life = Life(Tally(), world)
    for _ in range(actions):
        life.act(rng.choice(WEIGHTED), rng.random())
    state(life, rng)
    return life


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_everybody_leaves(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    did: Counter[str] = Counter()
    for life, rng in lives(state):
        did += all_exit(life, rng)
    with capsys.disabled():
        print(f"\n{state.__name__}: " + ", ".join(f"{n} {what}" for what, n in did.items()))
    assert did["exits"] == EXITS
    if state is revoked:
        assert did["on another exchange"] == EXITS
        assert did["orders cancelled"] > 0
    if state is bankrupts:
        assert did["deficits booked"] + did["slices"] > 0


def test_gains_pay_what_the_vault_lacks() -> None:
    """Beyond the vault: cut alike, whoever leaves first; deposits leave whole."""
    did: Counter[str] = Counter()
    for life, rng in lives(beyond_the_vault, actions=20):
        did += all_exit(life, rng)
    assert did["lacking before the last withdrawals"] == did["exits"] == EXITS


def test_a_debt_that_nobody_can_pay_breaks_the_exit() -> None:
    """The check itself can fail: a wei that is nowhere, a share that is left out."""
    life = Life(Tally())
    life.system.donations += 1
    with pytest.raises(AssertionError, match="INV-01"):
        Exits(life, Random(0)).run()
