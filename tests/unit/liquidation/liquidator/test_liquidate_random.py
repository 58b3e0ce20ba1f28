"""Random accounts over both markets, odd to the last digit: the core refuses no slice."""

import random
from decimal import Decimal

from tests.harness.system import BTC, ETH
from tidegate.client.errors import ProtocolError
from tidegate.spec import words
from tidegate.spec.rounding import WAD

ACCOUNTS = 12
MOVES = 40


def odd(rng: random.Random, units: int) -> Decimal:
    """About so many 1e-18 units, without a round digit."""
    return words.from_units(units + rng.randrange(-(10**9), 10**9), WAD)


def test_every_account_below_maintenance_can_be_sliced(desk):
    system, rng = desk.system, random.Random(7)
    for instrument in (BTC, ETH):  # what the core refuses is asked here, not how much at once
        system.govern(system.liquidator, "set_bucket", instrument, 10**6, 10)
    owner = system.actor("crowd")
    accounts = []
    for sub in range(ACCOUNTS):
        notional = rng.choice((150, 2_000, 30_000, 400_000, 1_500_000)) * WAD
        account = system.fund(owner, notional // WAD // 8 + 30, sub)
        for instrument in rng.choice(((BTC,), (ETH,), (BTC, ETH))):
            price = system.prices[words.underlying_of(instrument)]
            size = rng.choice((1, -1)) * notional * WAD // price
            order = system.order(account, instrument, odd(rng, size))
            system.place(order)
            # one of them may be too large for its margin
            system.execute(order)
        accounts.append(account)
    whole = parts = 0
    for _ in range(MOVES):
        instrument = rng.choice((BTC, ETH))
        price = system.prices[words.underlying_of(instrument)]
        system.move(instrument, odd(rng, price * rng.choice((95, 97, 99, 101, 103, 105)) // 100))
        system.pass_time(rng.choice((60, 3_600, 40_000)))
        for account in accounts:
            for leg in words.held(system.core.call("account_word", account)):
                before = desk.standing(account)
                if before.lack <= 0:
                    break
                event = desk.liquidate(account, instrument=leg).one("Sliced").args
                after = desk.standing(account)
                whole, parts = whole + event.whole, parts + (not event.whole)
                assert after.lack < before.lack or after.notional == 0
                if event.penalty > 0:
                    assert after.equity * before.notional >= before.equity * after.notional
    assert whole >= 5
    assert parts >= 5


def test_a_random_account_is_never_sliced_above_maintenance(desk):
    system = desk.system
    rng = random.Random(8)
    for _ in range(30):
        system.move(BTC, odd(rng, rng.randrange(58_050, 58_120) * WAD))
        lack = desk.standing().lack
        checkpoint, prices = system.chain.snapshot(), dict(system.prices)
        try:
            desk.liquidate()
        except ProtocolError as refusal:
            refused = refusal.name
        else:
            refused = ""
        assert refused == ("" if lack > 0 else "NotLiquidatable")
        system.chain.restore(checkpoint)
        system.prices = prices
