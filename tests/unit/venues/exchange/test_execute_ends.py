"""Every way an order ends without a fill, and whose money goes where, to the wei."""

from dataclasses import replace

import pytest

from tidegate.artifacts import artifact
from tidegate.client.errors import names
from tidegate.client.orders import OrderState
from tidegate.spec.rounding import WAD

LEAST = WAD  # what a keeper gets for an order that does not fill
LAPSE_FEE = 25 * WAD
GRACE = 8  # seconds: two slots
STAKE = LAPSE_FEE + LEAST
KEPT = {"escrow": -LEAST, "keeper_account": LEAST}
LAPSED = {"escrow": -STAKE, "treasury": LAPSE_FEE, "keeper_account": LEAST}


def ends(market, order, reason, flows):
    """Execute and compare; afterwards nothing is left to do."""
    before = market.balances()
    receipt = market.execute(order)
    assert market.ended(receipt) == (reason, flows.get("treasury", 0))
    assert receipt.one("Ended").args.order_hash == market.hash(order)
    assert market.moved(before) == flows
    word = market.word(order)
    assert (word.state, word.stake) == (OrderState.ENDED, STAKE + flows["escrow"])


# Its limit


@pytest.mark.parametrize("late", [0, 4, 5, 9, 30, 31, 200])
def test_limit_broken_by_its_slots_price_at_any_time(market, late):
    order = market.place(limit=50_000 * WAD - 1)
    slot = market.next_slot
    market.open(slot)
    market.chain.set_time(slot * 4 + late)
    ends(market, order, "LimitBroken", KEPT)


def test_limit_of_a_sell(market):
    order = market.place(size=-WAD, limit=50_000 * WAD + 1)
    market.open(market.next_slot)
    ends(market, order, "LimitBroken", KEPT)


@pytest.mark.parametrize("late", [0, 4, 5, GRACE])
@pytest.mark.parametrize("side", [1, -1])
def test_limit_broken_by_the_quote_alone_within_the_grace(market, side, late):
    order = market.place(size=side * WAD, limit=market.quote(side * WAD) - side)
    slot = market.next_slot
    market.open(slot)
    market.later(slot, late)
    ends(market, order, "LimitBroken", KEPT)


@pytest.mark.parametrize("late", [GRACE + 1, 30])
def test_limit_broken_by_the_quote_alone_after_the_grace(market, late):
    order = market.place(limit=50_050 * WAD - 1)
    slot = market.next_slot
    market.open(slot)
    market.later(slot, late)
    ends(market, order, "LimitBroken", LAPSED)


def test_limit_broken_by_the_newest_price_of_a_late_order(market):
    """What moved was the price: no fault, and nothing gained, for the order had risen in worth."""
    order = market.place(limit=50_100 * WAD)
    slot = market.next_slot
    market.open(slot)
    market.later(slot, 20, 50_101 * WAD)
    ends(market, order, "LimitBroken", KEPT)


def test_after_the_window_the_quote_is_not_asked(market):
    order = market.place(limit=50_050 * WAD - 1)
    market.open(market.next_slot)
    market.chain.advance(200)
    ends(market, order, "TooLate", LAPSED)


def test_a_resting_order_past_its_expiry_does_not_rest_again(market):
    slot = market.next_slot
    order = market.place(resting=True, limit=50_000 * WAD, expiry=slot * 4 + 10)
    market.open(slot)
    market.wake(order, slot)
    market.open(slot + 1)
    market.chain.set_time(order.expiry + 1)
    ends(market, order, "LimitBroken", KEPT)


def test_a_resting_order_rests_however_late_it_is_proved(market):
    slot = market.next_slot
    order = market.place(resting=True, limit=50_000 * WAD)
    market.open(slot)
    market.wake(order, slot)
    market.open(slot + 1)
    market.chain.advance(300)
    before = market.balances()
    market.execute(order).one("Rested")
    assert market.moved(before) == {}
    assert market.word(order).state == OrderState.RESTING


# Caps and pause


CAPS = {
    "OpenInterestCap": {"hard": 10**6 - 1, "soft": 10**6 - 1},
    "SkewCap": {"soft": 10**6 - 1},
}


@pytest.mark.parametrize("late", [0, 5, GRACE])
@pytest.mark.parametrize("cap", CAPS)
def test_refused_by_a_cap_within_the_grace(market, cap, late):
    order = market.place()
    market.set_terms(**CAPS[cap])
    slot = market.next_slot
    market.open(slot)
    market.later(slot, late)
    ends(market, order, cap, KEPT)


@pytest.mark.parametrize("late", [GRACE + 1, 30])
@pytest.mark.parametrize("cap", CAPS)
def test_refused_by_a_cap_after_the_grace(market, cap, late):
    order = market.place()
    market.set_terms(**CAPS[cap])
    slot = market.next_slot
    market.open(slot)
    market.later(slot, late)
    ends(market, order, cap, LAPSED)


@pytest.mark.parametrize("resting", [False, True])
def test_a_resting_order_meets_the_caps_like_any_other(market, resting):
    order = market.place(resting=resting)
    slot = market.next_slot
    if resting:
        market.open(slot)
        market.wake(order, slot)
        slot += 1
    market.set_terms(**CAPS["SkewCap"])
    market.open(slot)
    market.later(slot, 30)
    ends(market, order, "SkewCap", LAPSED)


@pytest.mark.parametrize("late", [0, GRACE + 1, 30])
def test_refused_by_a_pause_at_any_time(market, late):
    order = market.place()
    market.set_venue(1, market.now + 1000)
    slot = market.next_slot
    market.open(slot)
    market.later(slot, late)
    ends(market, order, "Paused", KEPT)


# What is the owner's doing


def test_refused_for_lack_of_margin(market):
    order = market.place(size=4 * WAD)
    market.open(market.next_slot)
    before = market.balances()
    receipt = market.execute(order)
    assert market.ended(receipt) == ("InsufficientMargin", 4 * LAPSE_FEE)
    assert market.moved(before) == {
        "treasury": 4 * LAPSE_FEE,
        "escrow": -4 * LAPSE_FEE - LEAST,
        "keeper_account": LEAST,
    }
    assert market.position(market.account) == 0


def test_refused_below_the_minimum(market):
    order = market.place(size=10**15)
    market.open(market.next_slot)
    before = market.balances()
    lapse_fee = market.lapse_fee(10**15)
    assert market.ended(market.execute(order)) == ("BelowMinimum", lapse_fee)
    assert market.moved(before)["treasury"] == lapse_fee


# Time


def test_window_passed(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot)
    market.chain.set_time(slot * 4 + 31)
    ends(market, order, "TooLate", LAPSED)


def test_expiry_passed_within_the_window(market):
    slot = market.next_slot
    order = market.place(expiry=slot * 4 + 2)
    market.open(slot)
    market.chain.set_time(slot * 4 + 3)
    ends(market, order, "TooLate", LAPSED)


def test_price_posted_too_late_for_the_window(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot, price=None, late=31)
    market.push(50_000 * WAD, slot)  # fresh enough to come into force
    ends(market, order, "TooLate", LAPSED)


def test_slot_never_posted_while_the_feed_lives(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot + 1)
    market.chain.set_time(slot * 4 + 31)
    ends(market, order, "TooLate", LAPSED)


def test_slot_gone_from_the_ring(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot)
    market.open(slot + 128)
    ends(market, order, "TooLate", LAPSED)


def test_feed_dead_through_the_window(market):
    order = market.place()
    market.open(market.next_slot, price=None, late=31)
    ends(market, order, "TooLate", KEPT)


def test_feed_dead_and_the_price_posted_when_stale(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot, price=None, late=61)
    market.push(50_000 * WAD, slot)  # stored, not in force
    ends(market, order, "TooLate", KEPT)


def test_dead_is_not_asked_before_the_window_has_passed(market, refuses):
    slot = market.next_slot
    order = market.place(expiry=slot * 4)  # one second to fill, then it has expired
    market.open(slot, price=None, late=1)
    refuses("NoPrice", market.execute, order)
    market.push(50_000 * WAD, slot)
    ends(market, order, "TooLate", LAPSED)


def test_a_resting_order_expires_unwoken(market, refuses):
    order = market.place(resting=True)
    market.chain.set_time(order.expiry)
    refuses("TooSoon", market.execute, order)
    market.chain.advance(1)
    ends(market, order, "TooLate", KEPT)


def test_a_woken_order_lapses_like_an_immediate_one(market):
    order = market.place(resting=True)
    slot = market.next_slot
    market.open(slot)
    market.wake(order, slot)
    market.open(slot + 1)
    market.chain.advance(31)
    ends(market, order, "TooLate", LAPSED)


# Oracle trouble is no refusal


@pytest.mark.parametrize("late", [4, 9, 30])
def test_a_late_fill_needs_the_price_of_the_slot_that_is_open(market, refuses, late):
    order = market.place()
    slot = market.next_slot
    market.open(slot)
    market.chain.set_time(slot * 4 + late)
    market.push(50_000 * WAD, market.now // 4 - 1)
    refuses("NoPrice", market.execute, order)
    assert market.word(order).state == OrderState.WAITING
    market.push(50_000 * WAD)
    market.execute(order).one("Executed")


def test_a_stale_price_elsewhere_leaves_the_order(market, refuses):
    market.fill(10 * WAD, instrument=128)
    market.chain.advance(50)
    slot = market.next_slot
    market.open(slot - 1)
    order = market.place()
    market.open(slot)
    market.later(slot, 12)  # the second feed's last price is more than a minute old
    refuses("StalePrice", market.execute, order)
    assert market.word(order).state == OrderState.WAITING
    market.push(2_500 * WAD, feed=2)
    market.push(50_000 * WAD)
    market.chain.advance(1)
    market.execute(order).one("Executed")


# What the clearing house may answer: each error of the protocol, and nonsense

ENDS_REFUNDED = {"Paused", "OpenInterestCap", "SkewCap"}
ENDS_LAPSED = {"InsufficientMargin", "BelowMinimum", "TooManyPositions"}


@pytest.mark.parametrize("error", sorted(names().values()))
def test_of_all_errors_six_end_an_order(scripted, error):
    [code] = [code for code, name in names().items() if name == error]
    order = scripted.place()
    scripted.open(scripted.next_slot)
    scripted.core.transact("set_fill_refusal", code)
    if error in ENDS_REFUNDED | ENDS_LAPSED:
        lost = LAPSE_FEE if error in ENDS_LAPSED else 0
        assert scripted.ended(scripted.execute(order)) == (error, lost)
        return
    with pytest.raises(Exception, match=error) as refusal:
        scripted.execute(order)
    assert refusal.value.name == error
    assert scripted.word(order).state == OrderState.WAITING


PAUSED = next(code for code, name in names().items() if name == "Paused")


@pytest.mark.parametrize(
    "answer",
    [
        b"\x01",
        PAUSED[:3],
        PAUSED + b"\0",
        PAUSED.ljust(32, b"\0"),
        PAUSED * 1000,
        b"\x08\xc3\x79\xa0" + bytes(64),
    ],
    ids=["a byte", "three bytes", "a byte more", "a padded word", "many times", "a string"],
)
def test_an_answer_that_is_no_error_ends_nothing(scripted, answer):
    order = scripted.place()
    scripted.open(scripted.next_slot)
    scripted.core.transact("set_fill_refusal", answer)
    with pytest.raises(Exception, match="OutOfGas"):
        scripted.execute(order)
    assert scripted.word(order).state == OrderState.WAITING


def test_no_answer_ends_nothing(scripted):
    order = scripted.place()
    scripted.open(scripted.next_slot)
    scripted.core.transact("set_silent", True)
    with pytest.raises(Exception, match="OutOfGas"):
        scripted.execute(order)
    assert scripted.word(order).state == OrderState.WAITING


def test_an_order_whose_money_cannot_move_stays(scripted):
    order = scripted.place()
    scripted.open(scripted.next_slot)
    scripted.core.transact("set_fill_refusal", PAUSED)
    scripted.core.transact("set_transfer_refusal", b"\x01\x02\x03\x04")
    with pytest.raises(Exception, match="01020304"):
        scripted.execute(order)
    assert scripted.word(order).state == OrderState.WAITING


NOT_LISTED = next(code for code, name in names().items() if name == "NotListed")


@pytest.mark.parametrize("late", [0, GRACE + 1, 30])
@pytest.mark.parametrize("resting", [False, True])
def test_a_vault_that_refuses_to_quote_ends_the_order_without_loss(market, resting, late):
    slot = market.next_slot
    order = market.place(resting=resting)
    if resting:
        market.open(slot)
        market.wake(order, slot)
        slot += 1
    market.open(slot)
    market.later(slot, late)
    market.vault.transact("set_refusal", NOT_LISTED)
    ends(market, order, "NotListed", KEPT)


@pytest.mark.parametrize("answer", [NOT_LISTED, b"\0" * 64, b"\x01"])
def test_after_the_window_no_vault_keeps_an_order_from_ending(market, answer):
    order = market.place()
    market.open(market.next_slot)
    market.vault.transact("set_refusal", answer)
    market.chain.advance(31)
    ends(market, order, "TooLate", LAPSED)


@pytest.mark.parametrize("late", [0, 40])
@pytest.mark.parametrize("answer", [b"\0" * 64, b"\x01", PAUSED[:3], PAUSED + b"\0"])
def test_a_vault_without_an_answer_ends_nothing(market, answer, late):
    """A resting order's quote is asked after the window too: want of gas is no lapse."""
    slot = market.next_slot
    order = market.place(resting=True)
    market.open(slot)
    market.wake(order, slot)
    market.open(slot + 1)
    market.chain.advance(late)
    market.vault.transact("set_refusal", answer)
    before = market.balances()
    with pytest.raises(Exception, match="OutOfGas"):
        market.execute(order)
    assert market.moved(before) == {}
    assert market.word(order).state == OrderState.WAITING


def test_a_keeper_of_ones_own_is_paid_nothing(market):
    order = market.place(limit=50_000 * WAD - 1)
    market.open(market.next_slot)
    before = market.balances()
    receipt = market.execute(order, keeper_account=market.account)
    assert receipt.one("Ended").args.lapse_fee == 0
    assert (market.moved(before), receipt.named("Moved")) == ({}, [])
    assert market.word(order).stake == STAKE


def test_a_lapse_of_ones_own_pays_the_vault_alone(market):
    order = market.place()
    market.open(market.next_slot)
    market.chain.advance(31)
    before = market.balances()
    receipt = market.execute(order, keeper_account=market.account)
    assert market.ended(receipt) == ("TooLate", LAPSE_FEE)
    assert market.moved(before) == {"escrow": -LAPSE_FEE, "treasury": LAPSE_FEE}
    assert market.word(order).stake == LEAST


# What lapses is taken at the price in force, out of what is there


def test_a_lapse_at_a_lower_price_takes_less(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot)
    market.open(slot + 1, 49_000 * WAD)
    market.chain.set_time(slot * 4 + 31)
    fee = market.lapse_fee(price=49_000 * WAD)
    assert fee == 49 * WAD // 2
    before = market.balances()
    assert market.ended(market.execute(order)) == ("TooLate", fee)
    assert market.moved(before) == {
        "escrow": -fee - LEAST,
        "treasury": fee,
        "keeper_account": LEAST,
    }
    assert market.word(order).stake == LAPSE_FEE - fee


def test_a_lapse_at_a_higher_price_takes_no_more_than_the_stake(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot)
    market.open(slot + 1, 51_000 * WAD)
    market.chain.set_time(slot * 4 + 31)
    ends(market, order, "TooLate", LAPSED)


def test_a_lapse_takes_the_fee_of_its_own_size_from_a_larger_stake(market):
    market.cancel(market.place(size=3 * WAD, nonce=7))
    order = market.place(nonce=256 + 7)
    slot = market.next_slot
    market.open(slot)
    market.open(slot + 1, 51_000 * WAD)
    market.chain.set_time(slot * 4 + 31)
    fee = market.lapse_fee(price=51_000 * WAD)
    assert fee > LAPSE_FEE
    assert market.ended(market.execute(order)) == ("TooLate", fee)
    assert market.word(order).stake == 3 * LAPSE_FEE - fee


def test_a_lapse_without_any_price_takes_all_but_the_least_fee(market):
    """No feed loses its price; should one, walking away is not free for it."""
    oracle = market.chain.deploy(artifact("OracleMock"))
    oracle.transact("set", 1, 50_000 * WAD, True)
    core = market.chain.deploy(artifact("CoreMock"))
    exchange = market.chain.deploy(
        artifact("Exchange"), core.address, oracle.address, market.vault.address, 30, LEAST, 500
    )
    blind = replace(market, core=core, oracle=oracle, exchange=exchange)
    order = blind.place()
    blind.chain.set_time(blind.next_slot * 4)
    oracle.transact("set", 1, 0, False)
    assert blind.cancel(order).one("Ended").args.lapse_fee == LAPSE_FEE
    assert blind.word(order).stake == LEAST
