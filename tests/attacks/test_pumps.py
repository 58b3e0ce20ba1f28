"""Somebody moves the reference price: what the caps leave of it, alone and with many wallets."""

from decimal import Decimal

from tests.attacks.conftest import close, net, trade
from tests.harness.system import BTC, System
from tidegate.client.errors import ProtocolError
from tidegate.spec.rounding import WAD

WALLETS = 10


def cap(system: System) -> int:
    return system.config.markets[0].trade.soft_cap


def test_a_pump_earns_at_most_the_soft_cap_times_the_move(funded: System, attacker: str, laws):
    """What moving the reference market must cost is then known: cap times move, less the costs."""
    account = funded.fund(attacker, 2_000_000)
    start = net(funded, account)
    trade(funded, account, cap(funded) // WAD)
    # not a crumb more
    order = funded.order(account, BTC, 1)
    funded.place(order)
    assert funded.execute(order).named("Ended")
    assert funded.size(account, BTC) == cap(funded)
    funded.move(BTC, 60_600)
    close(funded, account)
    gain = funded.cash(account) - start
    gross = cap(funded) * 600
    # 1 % up: 150,000, less both fees and spreads of 0.16 % of 15 million
    assert 0 < gain < gross - 2 * 15_000_000 * WAD * 8 // 10_000
    keeper, provider = (funded.actor(name) for name in ("keeper", "liquidity provider"))
    laws(account, funded.account(keeper), funded.account(provider))


def grow(system: System, account: int) -> bool:
    """As much more as its equity carries in steps of two BTC; False when nothing opens."""
    before = system.size(account, BTC)
    order = system.order(account, BTC, 2)
    try:
        system.place(order)
    except ProtocolError as refusal:
        # the escrow of its fees is more than margin leaves
        if refusal.name != "InsufficientMargin":
            raise
        return False
    system.execute(order)
    return system.size(account, BTC) > before


def test_a_pyramid_of_wallets_stops_at_the_caps_and_falls_without_a_deficit(
    funded: System, keeper: str, laws
):
    """Ten wallets put their unrealised profit into more on the way up; then the price returns."""
    funded.widen_bucket(BTC)  # slices alone must do it here
    owners = [funded.actor(f"wallet {n}") for n in range(WALLETS)]
    wallets = [funded.fund(owner, 120_000) for owner in owners]
    for wallet in wallets:
        for _ in range(4):
            grow(funded, wallet)
    first = sum(funded.size(wallet, BTC) for wallet in wallets)
    for price in range(61_500, 75_001, 1_500):
        funded.move(BTC, price)
        for wallet in wallets:
            while grow(funded, wallet):
                pass
    top = sum(funded.size(wallet, BTC) for wallet in wallets)
    # profit bought more, and the soft cap ended it, not the wallets' margin
    assert first < top <= cap(funded)
    assert top > cap(funded) - 4 * WAD
    before = funded.vault.call("equity")
    paid_to = funded.account(keeper)
    price, booked = Decimal(75_000), 0
    while price > 50_000:
        price = price * 98 // 100
        funded.move(BTC, price)
        for _ in range(30):
            weak = [
                wallet
                for wallet in wallets
                if funded.size(wallet, BTC) and funded.health(wallet)[0] < funded.health(wallet)[2]
            ]
            if not weak:
                break
            call = ("liquidate", weak, [BTC] * len(weak), paid_to)
            done = funded.liquidator.transact(*call, sender=keeper)
            deficits = funded.deployment.deficits
            booked += sum(e.args.amount for e in done.named("Moved") if e.args.source == deficits)
        assert not weak
    assert sum(funded.size(wallet, BTC) for wallet in wallets) < top // 2
    assert booked == 0
    assert funded.vault.call("equity") > before
    laws(*wallets, paid_to, funded.account(funded.actor("liquidity provider")))
