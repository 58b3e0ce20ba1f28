"""LiquidityVault.process_epoch: one price, one moment, one call."""

import pytest

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import PPM, WAD

from .conftest import ALL, BTC, EPOCH, ETH, PRICE, RISK, SHARE_PPM, TRADE, quote_word

ONE = 10**27
VIRTUAL = 10**6
WHOLE = 10**9


def price_of(equity, supply):
    return (equity + VIRTUAL) * ONE // (supply + VIRTUAL)


def test_the_first_shares_cost_one(listed):
    listed.lp("lp", 1_000 * WAD)
    listed.request_deposit("lp", 1_000 * WAD)
    epoch = listed.close_epoch()
    event = listed.process(epoch).one("Processed").args
    assert (event.epoch, event.equity, event.supply, event.price) == (epoch, 0, 0, ONE)
    assert (event.assets_in, event.shares_burnt, event.filled) == (1_000 * WAD, 0, WHOLE)
    assert listed.vault.call("totalSupply") == 1_000 * WAD - 1
    assert listed.cash(listed.treasury) == listed.equity == 1_000 * WAD
    assert listed.cash(listed.escrow) == 0
    now = listed.chain.time()
    assert listed.vault.call("epoch_word", epoch) == ALL << 230 | ONE << 70 | WHOLE << 40 | now
    assert listed.vault.call("waiting_word", epoch) == 0


def test_an_epoch_must_be_over(listed, refuses):
    listed.lp("lp", 1_000 * WAD)
    listed.request_deposit("lp", 1_000 * WAD)
    epoch = listed.epoch
    listed.chain.set_time((epoch + 1) * EPOCH - 1)
    refuses("TooSoon", listed.process, epoch)
    listed.chain.advance(1)
    # nobody holds a position: no price is needed
    listed.process(epoch)


def test_once(listed, refuses):
    listed.lp("lp", 1_000 * WAD)
    listed.request_deposit("lp", 1_000 * WAD)
    epoch = listed.close_epoch()
    listed.process(epoch)
    refuses("NoRequest", listed.process, epoch)


def test_an_epoch_without_requests_has_nothing_to_process(venue, refuses):
    refuses("NoRequest", venue.process, venue.close_epoch())


def test_in_order(listed, refuses):
    listed.lp("lp", 1_000 * WAD)
    listed.lp("other lp", 1_000 * WAD)
    listed.request_deposit("lp", 1_000 * WAD)
    first = listed.close_epoch()
    listed.request_deposit("other lp", 1_000 * WAD)
    second = listed.close_epoch()
    refuses("TooSoon", listed.process, second)
    listed.process(first)
    listed.process(second)


def test_waits_for_a_price_published_after_the_close(venue, refuses):
    venue.fund("trader", 10_000 * WAD)
    venue.trade("trader", WAD)
    venue.request_redeem("lp", 10 * WAD)
    epoch = venue.epoch
    close = (epoch + 1) * EPOCH
    # fresh, but of a slot that opened before the close
    venue.chain.set_time(close - 45)
    venue.price(PRICE)
    venue.chain.set_time(close)
    assert venue.oracle.call("latest", 1)[1] is True
    refuses("TooSoon", venue.process, epoch)
    # of a slot after it: at once, as fills may have had it
    venue.price(PRICE + WAD)
    venue.chain.set_time(venue.chain.time() - 1)
    assert venue.mark() == PRICE
    venue.process(epoch)


def test_in_the_second_of_a_change_the_price_that_is_posted_counts(venue):
    """Fills may have had it already, and a price in every block stops no epoch."""
    venue.fund("trader", 10_000 * WAD)
    venue.trade("trader", 100 * WAD)
    venue.request_redeem("lp", 10 * WAD)
    epoch = venue.close_epoch(PRICE + WAD)
    venue.price(PRICE + 2 * WAD)
    equity = venue.equity
    venue.chain.set_time(venue.chain.time() - 1)
    assert venue.mark() == PRICE + WAD
    assert venue.equity > equity
    assert venue.process(epoch).one("Processed").args.equity == equity


def test_refuses_a_stale_price(venue, refuses):
    venue.fund("trader", 10_000 * WAD)
    venue.trade("trader", WAD)
    venue.request_redeem("lp", 10 * WAD)
    epoch = venue.close_epoch()
    venue.chain.advance(1_001)
    refuses("StalePrice", venue.process, epoch)


def test_every_open_market_needs_its_price(venue, refuses):
    venue.list(ETH, RISK, TRADE, quote_word())
    venue.fund("trader", 10_000 * WAD)
    venue.trade("trader", WAD, ETH)
    venue.request_redeem("lp", 10 * WAD)
    epoch = venue.close_epoch()
    refuses("StalePrice", venue.process, epoch)
    venue.price(PRICE, feed=2)
    venue.process(epoch)


@pytest.mark.parametrize("mark", [90 * WAD, PRICE, 113 * WAD])
def test_all_requests_of_an_epoch_have_one_price(venue, mark):
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 50 * WAD)
    venue.lp("other lp", 5_000 * WAD)
    venue.request_deposit("other lp", 5_000 * WAD)
    venue.request_redeem("lp", 3_000 * WAD)
    supply = venue.vault.call("totalSupply")
    epoch = venue.close_epoch(mark)
    equity = venue.equity
    assert (equity < 1_000_000 * WAD) == (mark > PRICE)
    event = venue.process(epoch).one("Processed").args
    price = price_of(equity, supply)
    assert (event.equity, event.supply, event.price) == (equity, supply, price)
    minted = 5_000 * WAD * ONE // (price + 1)
    paid = 3_000 * WAD * price // ONE
    assert venue.vault.call("totalSupply") == supply + minted - 3_000 * WAD
    assert venue.set_aside == paid
    assert venue.equity == equity + 5_000 * WAD - paid
    # who stays is neither diluted nor enriched by more than dust
    after = price_of(venue.equity, venue.vault.call("totalSupply"))
    assert price <= after <= price + 10**6


def test_a_past_price_with_present_positions_is_impossible(venue):
    """A claim epoch around a price move: the price counts at processing, for everyone alike."""
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 500 * WAD)
    venue.lp("other lp", 100_000 * WAD)
    venue.request_deposit("other lp", 100_000 * WAD)
    venue.request_redeem("lp", 100_000 * WAD)
    epoch = venue.close_epoch(PRICE)
    # nobody processes until the vault has lost 5,000
    venue.price(110 * WAD)
    equity = venue.equity
    assert equity < 995_100 * WAD
    venue.process(epoch)
    venue.claim("lp")
    venue.claim("other lp")
    price = venue.vault.call("share_price")
    stayed = venue.cash(venue.account("lp")) + venue.shares("lp") * price // ONE
    # apart from the part of the loss that falls on the virtual shares
    assert abs(stayed - equity) < VIRTUAL
    assert abs(venue.shares("other lp") * price // ONE - 100_000 * WAD) < VIRTUAL


def test_a_deposit_below_its_least_shares_does_not_take_part(venue):
    venue.lp("other lp", 1_000 * WAD)
    venue.request_deposit("other lp", 1_000 * WAD, 1_000 * WAD)
    event = venue.settle().one("Processed").args
    assert (event.assets_in, venue.cash(venue.escrow)) == (0, 1_000 * WAD)


def test_a_redemption_below_its_least_assets_does_not_take_part(venue):
    venue.request_redeem("lp", 1_000 * WAD, 1_000 * WAD + 1)
    event = venue.settle().one("Processed").args
    assert (event.shares_burnt, venue.cash(venue.payouts)) == (0, 0)


@pytest.mark.parametrize(("late", "taken"), [(0, True), (1, False)])
def test_a_deadline_counts_when_processed(venue, late, taken):
    venue.lp("other lp", 1_000 * WAD)
    processing = (venue.epoch + 1) * EPOCH + 300
    venue.request_deposit("other lp", 1_000 * WAD, 0, processing - late)
    venue.request_redeem("lp", 1_000 * WAD, 0, processing - late)
    epoch = venue.close_epoch()
    venue.chain.set_time(processing)
    event = venue.process(epoch).one("Processed").args
    assert event.assets_in == (1_000 * WAD if taken else 0)
    assert event.shares_burnt == (1_000 * WAD if taken else 0)


def stressed(venue, units):
    """A vault of 100,000 with this much open interest on both sides; 25 a unit is its stress."""
    venue.provide("lp", 60_000 * WAD)
    venue.provide("other lp", 40_000 * WAD)
    venue.fund("trader", 1_000_000 * WAD)
    venue.fund("other trader", 1_000_000 * WAD)
    for _ in range(units // 100):
        venue.trade("trader", 100 * WAD)
        venue.trade("other trader", -100 * WAD)
    venue.price(PRICE)


def test_redemptions_stop_where_stress_would_exceed_its_share(listed):
    # stress of 40,000 needs equity of 80,000: 20,000 of 90,000 asked for may go
    stressed(listed, 1_600)
    assert listed.vault.call("stress")[0] == 40_000 * WAD
    listed.request_redeem("lp", 60_000 * WAD - 1)
    listed.request_redeem("other lp", 30_000 * WAD)
    equity = listed.equity
    event = listed.settle().one("Processed").args
    needed = 40_000 * WAD * PPM // SHARE_PPM
    assert event.filled == (equity - needed) * WHOLE // (90_000 * WAD - 1)
    # as far as 1e-9 of what was asked for reaches
    assert needed <= listed.equity < needed + 90_000 * WAD // WHOLE + 100
    listed.claim("lp")
    listed.claim("other lp")
    ratio = listed.cash(listed.account("lp")) * WHOLE // listed.cash(listed.account("other lp"))
    assert abs(ratio - 2 * WHOLE) <= 1
    assert listed.shares("lp") == (WHOLE - event.filled) * (60_000 * WAD - 1) // WHOLE
    assert listed.cash(listed.payouts) == 0


def test_deposits_of_the_epoch_make_room_for_its_redemptions(listed):
    stressed(listed, 1_600)
    listed.lp("third lp", 70_000 * WAD)
    listed.request_deposit("third lp", 70_000 * WAD)
    listed.request_redeem("lp", 60_000 * WAD - 1)
    listed.request_redeem("other lp", 30_000 * WAD)
    event = listed.settle().one("Processed").args
    assert event.filled == WHOLE
    assert event.shares_burnt == 90_000 * WAD - 1


def test_nothing_is_served_by_a_vault_short_of_its_stress(listed):
    stressed(listed, 1_600)
    # stress of 52,000 needs 104,000
    listed.request_redeem("lp", 60_000 * WAD - 1)
    event = listed.settle(130 * WAD).one("Processed").args
    assert (event.filled, event.shares_burnt) == (0, 0)
    listed.claim("lp")
    assert listed.shares("lp") == 60_000 * WAD - 1


def test_all_may_leave_when_no_position_is_open(listed):
    stressed(listed, 1_600)
    for _ in range(16):
        listed.trade("trader", -100 * WAD)
        listed.trade("other trader", 100 * WAD)
    listed.request_redeem("lp", listed.shares("lp"))
    listed.request_redeem("other lp", listed.shares("other lp"))
    event = listed.settle().one("Processed").args
    assert event.filled == WHOLE
    assert listed.vault.call("totalSupply") == 0
    assert 0 <= listed.equity < 10**6
    listed.claim("lp")
    listed.claim("other lp")
    assert listed.cash(listed.account("lp")) >= 60_000 * WAD - 2
    # and somebody may begin again, at one
    listed.lp("third lp", 10 * WAD)
    listed.request_deposit("third lp", 10 * WAD)
    assert listed.settle().one("Processed").args.price == ONE


def test_draws_on_the_pools_when_the_treasury_is_short(listed):
    listed.provide("lp", 10_000 * WAD)
    listed.fund("trader", 50_000 * WAD)
    listed.trade("trader", 100 * WAD)
    listed.price(60 * WAD)
    listed.trade("trader", -100 * WAD)
    assert listed.cash(listed.treasury) == 10_000 * WAD
    assert listed.equity > 13_900 * WAD
    listed.request_redeem("lp", listed.shares("lp"))
    listed.settle()
    # what the pool gave is gain: it will pass the outflow bucket
    assert listed.set_aside > 13_900 * WAD
    assert listed.principal(listed.payouts) == listed.cash(listed.payouts)
    assert 0 <= 10_000 * WAD - listed.principal(listed.payouts) < 14_000 * WAD // ALL
    assert listed.principal(listed.gains) == 0
    assert listed.principal(listed.treasury) == listed.cash(listed.treasury) < 14_000 * WAD // ALL
    assert listed.conserved()


def test_a_redemption_takes_its_part_of_the_principal(listed):
    """The vault won 4,000 on 10,000: whoever leaves first leaves the others theirs."""
    listed.provide("lp", 6_000 * WAD)
    listed.provide("other lp", 4_000 * WAD)
    listed.fund("trader", 50_000 * WAD)
    listed.trade("trader", 100 * WAD)
    listed.price(60 * WAD)
    listed.trade("trader", -100 * WAD)
    listed.request_redeem("other lp", listed.shares("other lp"))
    listed.settle()
    assert abs(listed.principal(listed.payouts) - 4_000 * WAD) < 6_000 * WAD // ALL
    assert abs(listed.principal(listed.treasury) - 6_000 * WAD) < 6_000 * WAD // ALL
    assert listed.cash(listed.gains) > 1_500 * WAD
    assert listed.principal(listed.gains) == 0


def test_who_redeems_at_a_loss_takes_the_lost_principal_along(listed):
    """Later profits of those who stay are gains, not the principal that others lost."""
    listed.provide("lp", 6_000 * WAD)
    listed.provide("other lp", 4_000 * WAD)
    listed.fund("trader", 50_000 * WAD)
    listed.trade("trader", 50 * WAD)
    listed.price(140 * WAD)
    listed.trade("trader", -50 * WAD)
    equity = listed.equity
    assert equity < 8_100 * WAD
    listed.request_redeem("other lp", listed.shares("other lp"))
    listed.settle()
    paid = listed.set_aside
    assert abs(paid - equity * 4 // 10) < 10**6
    assert listed.principal(listed.payouts) == listed.cash(listed.payouts) == paid
    assert abs(listed.principal(listed.treasury) - 6_000 * WAD) <= 2
    assert listed.equity == equity - paid
    assert listed.conserved()


def broken(venue, price):
    """A vault that owes a trader more than it has."""
    venue.provide("lp", 1_000 * WAD)
    venue.fund("trader", 50_000 * WAD)
    venue.trade("trader", 19 * WAD)
    venue.price(price)


@pytest.mark.parametrize("lost", [153 * WAD, 180 * WAD])
def test_without_equity_nothing_is_priced_and_everything_comes_back(listed, lost):
    broken(listed, lost)
    assert listed.equity < 0
    listed.lp("other lp", 500 * WAD)
    listed.request_deposit("other lp", 500 * WAD)
    listed.request_redeem("lp", 100 * WAD)
    event = listed.settle().one("Processed").args
    assert (event.price, event.assets_in, event.shares_burnt) == (0, 0, 0)
    shares = listed.shares("lp")
    listed.claim("lp")
    listed.claim("other lp")
    assert listed.shares("lp") == shares + 100 * WAD
    assert listed.cash(listed.account("other lp")) == 500 * WAD
    assert listed.vault.call("share_price") == 0
    assert listed.vault.call("convertToShares", 10**6) == 0


def test_a_gift_makes_a_broken_vault_whole(listed):
    broken(listed, 160 * WAD)
    assert listed.vault.call("share_price") == 0
    listed.fund("donor", 2_000 * WAD)
    listed.core.transact(
        "transfer",
        listed.account("donor"),
        listed.treasury,
        0,
        2_000 * WAD,
        sender=local_address("donor"),
    )
    assert listed.vault.call("share_price") > 0


def test_a_donation_does_not_take_the_next_depositors_money(listed):
    """The first share, inflated before the next deposit is priced, by far more than that."""
    listed.provide("lp", 10 * WAD)
    listed.redeem("lp", listed.shares("lp") - 1)
    assert listed.vault.call("totalSupply") == 1
    listed.fund("donor", 10_000 * WAD)
    listed.lp("other lp", 1_000 * WAD)
    listed.request_deposit("other lp", 1_000 * WAD)
    listed.core.transact(
        "transfer",
        listed.account("donor"),
        listed.treasury,
        0,
        10_000 * WAD,
        sender=local_address("donor"),
    )
    listed.settle()
    listed.claim("other lp")
    worth = listed.shares("other lp") * listed.vault.call("share_price") // ONE
    assert worth > 999 * WAD
    # the attacker's one unit of share is worth next to nothing of what it gave
    assert listed.vault.call("share_price") // ONE < WAD // 90


def test_scales_the_caps_by_what_is_left(venue):
    venue.request_redeem("lp", 900_000 * WAD)
    event = venue.settle().one("CapScaled").args
    # half of 100,000 over 250,000
    assert (event.instrument, event.scale) == (BTC, 65535 * 50_000 // 250_000)


def test_a_full_epoch(listed):
    """Every place taken: processed in one call that fits a block many times over."""
    owner = local_address("lp")
    listed.provide("lp", 10_000 * WAD)
    listed.lp("lp", 10_000 * WAD)
    for sub in range(64):
        account = listed.account("lp", sub)
        if sub:
            listed.core.transact(
                "transfer", listed.account("lp"), account, 0, 100 * WAD, sender=owner
            )
        kind = "request_deposit" if sub % 2 else "request_redeem"
        listed.vault.transact(kind, account, 100 * WAD, 1, 2**32 - 1, sender=owner)
    receipt = listed.settle()
    event = receipt.one("Processed").args
    assert (event.assets_in, event.shares_burnt) == (3_200 * WAD, 3_200 * WAD)
    assert receipt.gas_used < 1_000_000


def test_requests_without_bounds_cost_the_processing_nothing(listed):
    owner = local_address("lp")
    listed.provide("lp", 10_000 * WAD)
    used = []
    for count in (2, 200):
        for sub in range(count):
            account = listed.account("lp", sub)
            listed.vault.transact("request_redeem", account, WAD, 0, 2**32 - 1, sender=owner)
        receipt = listed.settle()
        assert receipt.one("Processed").args.shares_burnt == count * WAD
        used.append(receipt.gas_used)
        for sub in range(count):
            listed.vault.transact("claim", listed.account("lp", sub))
            assert listed.cash(listed.account("lp", sub)) >= WAD
    assert used[1] < used[0] + 5_000
