"""Signers who lie, sign twice or say nothing: up to f of them, and a whole quorum of them.

Up to f they are powerless. Beyond, what bounds them is the deviation guard: how fast, in slots, is
measured here at the deployment's 5 % a slot of 4 s, and stands in docs/decisions/0010.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, product

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, System, wad
from tidegate.client.errors import ProtocolError
from tidegate.client.orders import Order
from tidegate.client.price_message import PriceMessage, PriceSigner, quorum
from tidegate.local_accounts import local_account, local_address
from tidegate.spec.oracle import is_quorum
from tidegate.spec.rounding import WAD

FEED = 1
SLOT = 4  # seconds
STEP = 5  # % a slot
OLD = wad(60_000)


@pytest.fixture
def signers(system: System) -> list[PriceSigner]:
    """All four, without scruples: they forget what they signed."""
    members = [
        PriceSigner(local_account(f"signer {i}"), system.signers.domain)
        for i in range(len(system.config.signers))
    ]
    return sorted(members, key=lambda signer: int(signer.account.address, 16))


def signed(message: PriceMessage, by: Iterable[PriceSigner]) -> tuple:
    """Arguments of push."""
    joined = quorum([replace(signer, signed={}) for signer in by], message)
    return message.feed, message.slot, message.price, message.published, joined


def falsify(system: System, signers: list[PriceSigner], price: int, slot: int | None = None):
    """A slot by a false quorum, published at its start."""
    slot = system.slot if slot is None else slot
    message = PriceMessage(FEED, slot, price, slot * SLOT)
    return system.oracle.transact("push", *signed(message, signers[:3]))


def passes(system: System, signers: list[PriceSigner], price: int) -> bool:
    """Whether a false quorum could price the open slot so; without effect."""
    message = PriceMessage(FEED, system.slot, price, system.slot * SLOT)
    try:
        system.oracle.call("push", *signed(message, signers[:3]))
    except ProtocolError as refusal:
        if refusal.name != "BadPrice":
            raise
        return False
    return True


# Up to f


def test_one_liar_makes_no_price_and_no_second_one(system: System, signers: list[PriceSigner]):
    """Whoever of the four lies, and however the honest three saw two messages or none."""
    system.next_slot()
    opened = system.slot * SLOT
    truth = PriceMessage(FEED, system.slot, OLD, opened)
    rival = PriceMessage(FEED, system.slot, OLD + 1, opened)
    outcomes = set()
    for liar in signers:
        honest = [signer for signer in signers if signer is not liar]
        for saw in product((truth, rival, None), repeat=3):
            taken = set()
            for message in (truth, rival):
                having = [s for s, seen in zip(honest, saw, strict=True) if seen is message]
                for by in combinations([liar, *having], 3):
                    system.oracle.call("push", *signed(message, by))
                    taken.add(message)
                # with fewer than three honest hands nothing helps: not the same hand twice,
                # not another's under this message
                if len(having) < 2:
                    others = [liar, *having, liar, liar][:3]
                    with reverts("BadSignature"):
                        system.oracle.call("push", *signed(message, others))
            assert len(taken) <= 1
            outcomes.add(len(taken))
    assert outcomes == {0, 1}


def test_a_liar_cannot_lend_honest_signatures_to_another_message(
    system: System, signers: list[PriceSigner]
):
    system.next_slot()
    truth = PriceMessage(FEED, system.slot, OLD, system.slot * SLOT)
    lie = replace(truth, price=OLD - 1)
    liar, *honest = signers
    for lender in combinations(honest, 2):
        by = sorted([liar, *lender], key=lambda signer: int(signer.account.address, 16))
        mixed = b"".join(
            replace(signer, signed={}).sign(lie if signer is liar else truth) for signer in by
        )
        for message in (truth, lie):
            fields = (message.feed, message.slot, message.price, message.published)
            with reverts("BadSignature"):
                system.oracle.call("push", *fields, mixed)


def test_one_who_is_silent_stops_nothing(system: System, signers: list[PriceSigner]):
    for silent in signers:
        system.next_slot()
        message = PriceMessage(FEED, system.slot, OLD, system.slot * SLOT)
        rest = [signer for signer in signers if signer is not silent]
        system.oracle.transact("push", *signed(message, rest))
        assert system.oracle.call("slot_price", FEED, system.slot)[0] == OLD


def test_the_rule_of_quorums_is_safe_and_not_stricter_than_needed():
    """n signers, m of them a quorum, f of them false: two quorums exist iff the rule forbids m."""
    for n in range(1, 13):
        for m, f in product(range(1, n + 1), range(n)):
            honest = n - f
            most = max(min(a, honest - a) for a in range(honest + 1))
            two_prices = most + f >= m
            assert is_quorum(n, m, f) == (not two_prices)


# Beyond f: a false quorum


@pytest.mark.parametrize(
    ("percent", "slots"), [(10, 2), (25, 5), (50, 9), (100, 15), (-10, 3), (-25, 6), (-50, 14)]
)
def test_slot_by_slot_it_moves_the_price_at_the_full_step(
    system: System, signers: list[PriceSigner], percent: int, slots: int
):
    """5 % of the last price a slot: half the price is gone after 14 slots, 56 seconds."""
    target = OLD * (100 + percent) // 100
    price, used = OLD, 0
    # the deployment's price is of the slot that is open
    assert system.oracle.call("latest_word", FEED) >> 180 & (2**32 - 1) == system.slot
    while (price < target) if percent > 0 else (price > target):
        system.next_slot()
        used += 1
        room = price * STEP // 100
        step = room if percent > 0 else -room
        assert not passes(system, signers, price + step + (1 if percent > 0 else -1))
        price += step
        falsify(system, signers, price)
    assert used == slots
    system.chain.advance(1)
    assert tuple(system.oracle.call("latest", FEED)) == (price, True)


@pytest.mark.parametrize("silent", [1, 2, 10, 19])
def test_by_silence_it_gains_a_step_for_each_slot(
    system: System, signers: list[PriceSigner], silent: int
):
    system.next_slot(silent)
    room = OLD * STEP * silent // 100
    for price in (OLD + room, OLD - room):
        assert passes(system, signers, price)
    for price in (OLD + room + 1, OLD - room - 1):
        assert not passes(system, signers, price)


def test_after_80_seconds_of_silence_any_price_passes(system: System, signers: list[PriceSigner]):
    """20 slots of 5 %. It cannot be bought in silence: the price has been stale for 20 seconds."""
    system.next_slot(20)
    assert tuple(system.oracle.call("latest", FEED)) == (OLD, False)
    for price in (1, OLD * 1000, 2**90 - 1):
        assert passes(system, signers, price)
    falsify(system, signers, 1)
    system.chain.advance(1)
    assert tuple(system.oracle.call("latest", FEED)) == (1, True)


def test_by_silence_it_stops_openings_and_not_the_way_out(
    funded: System, trader: str, signers: list[PriceSigner]
):
    """After max age nothing is opened, no cash leaves an open position; a top-up passes."""
    account = funded.fund(trader, 100_000)
    funded.trade(account, BTC, 5)
    idle = funded.fund(trader, 1_000, sub=1)
    order = funded.order(account, BTC, 1)
    funded.chain.advance(61)
    with reverts("StalePrice"):
        funded.place(order)
    core, token = funded.core, funded.mint(trader, 500)
    with reverts("StalePrice"):
        core.transact("withdraw", account, 0, 10**6, trader, sender=trader)
    before = funded.cash(account)
    core.transact("deposit", account, 0, token, sender=trader)
    assert funded.cash(account) == before + 500 * WAD
    core.transact("withdraw", idle, 0, 1_000 * 10**6, trader, sender=trader)
    assert funded.cash(idle) == 0


def last_fresh_order(system: System, trader: str) -> tuple[Order, int]:
    """Placed in the last second in which the price is fresh; and the slot of that price."""
    system.next_slot()
    system.refresh()
    last = system.slot
    account = system.fund(trader, 100_000)
    system.chain.set_time(last * SLOT + system.config.markets[0].max_age)
    order = system.order(account, BTC, 1, limit=OLD)
    assert system.place(order).one("Placed").args.slot == last + 16
    system.chain.advance(1)
    with reverts("StalePrice"):
        system.place(system.order(account, BTC, 1))
    return order, last


def executed_at(system: System, order: Order) -> int:
    keeper = system.actor("keeper")
    done = system.exchange.transact("execute", order, system.account(keeper), sender=keeper)
    return done.one("Filled").args.price


def test_it_prices_the_last_order_16_steps_off(
    funded: System, attacker: str, signers: list[PriceSigner]
):
    """64 seconds after the last price, 80 %; the band is of the slot's mark, so it is no help."""
    order, last = last_fresh_order(funded, attacker)
    funded.chain.set_time((last + 16) * SLOT)
    lowest = OLD * (100 - 16 * STEP) // 100
    assert not passes(funded, signers, lowest - 1)
    falsify(funded, signers, lowest)
    funded.chain.advance(1)
    assert lowest < executed_at(funded, order) < lowest * 101 // 100
    assert lowest == wad(12_000)


def test_by_way_of_a_later_slot_it_prices_the_last_order_as_it_likes(
    funded: System, attacker: str, signers: list[PriceSigner]
):
    """The slot may be priced while its window lasts: by then 23 slots of 5 % have passed."""
    order, last = last_fresh_order(funded, attacker)
    funded.chain.set_time((last + 23) * SLOT)
    anything = wad(600)
    falsify(funded, signers, anything)
    falsify(funded, signers, anything, last + 16)
    funded.chain.advance(1)
    assert anything < executed_at(funded, order) < anything * 101 // 100


@pytest.mark.parametrize(("sign", "percent"), [(-1, 28), (1, 32)])
def test_at_one_percent_a_slot_the_last_order_is_bounded(
    system: System, signers: list[PriceSigner], sign: int, percent: int
):
    """The same way at 1 %: 23 steps to the later slot and, from there, 7 back to the order's."""
    system.govern(system.oracle, "set_feed", FEED, 60, 10_000)
    system.next_slot()
    system.refresh()
    last = system.slot
    system.chain.set_time((last + 23) * SLOT)
    far = OLD * (100 + 23 * sign) // 100
    assert not passes(system, signers, far + sign)
    falsify(system, signers, far)
    furthest = far * 100 // (100 - 7 * sign)
    furthest += sign < 0 and far * 100 % 107 != 0  # toward the old price
    with reverts("BadPrice"):
        falsify(system, signers, furthest + sign, last + 16)
    falsify(system, signers, furthest, last + 16)
    assert int(abs(furthest - OLD) * 100 // OLD) == percent


def test_it_changes_no_slot_that_has_a_price_and_moves_nothing_back(
    system: System, signers: list[PriceSigner]
):
    system.next_slot()
    falsify(system, signers, OLD)
    slot = system.slot
    word = system.oracle.call("slot_word", FEED, slot)
    assert falsify(system, signers, OLD + 1, slot).events == []
    system.next_slot(3)
    falsify(system, signers, OLD)
    system.chain.advance(1)
    before = tuple(system.oracle.call("latest", FEED)), system.oracle.call("latest_word", FEED)
    # an older slot that nobody has priced: stored within the guard, and nothing moves
    assert not falsify(system, signers, OLD * 105 // 100, slot + 2).one("Posted").args.moved
    with reverts("BadPrice"):
        falsify(system, signers, OLD * 112 // 100, slot + 1)
    assert system.oracle.call("slot_word", FEED, slot) == word
    after = tuple(system.oracle.call("latest", FEED)), system.oracle.call("latest_word", FEED)
    assert after == before
    with reverts("BadTime"):
        falsify(system, signers, OLD, system.slot + 1)


def test_one_market_does_not_pay_for_anothers_signers(system: System, signers: list[PriceSigner]):
    """What is signed for one feed moves no other."""
    system.next_slot()
    before = system.oracle.call("latest_word", 2)
    falsify(system, signers, OLD * 105 // 100)
    assert system.oracle.call("latest_word", 2) == before


def test_it_ends_when_the_owner_replaces_the_signers(system: System, signers: list[PriceSigner]):
    """Through the timelock, so after its delay, not before."""
    new = sorted((local_address(f"new signer {i}") for i in range(4)), key=lambda a: int(a, 16))
    system.next_slot()
    falsify(system, signers, OLD)
    system.govern(system.oracle, "set_signers", new, 3, 1)
    system.next_slot()
    with reverts("BadSignature"):
        falsify(system, signers, OLD)
    assert system.oracle.call("signers")[0] == new
