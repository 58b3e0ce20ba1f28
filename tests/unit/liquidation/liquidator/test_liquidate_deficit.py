import pytest

from tests.harness.system import BTC, ETH, System, wad
from tidegate.spec import words


def moved(receipt, source: int | None = None, target: int | None = None) -> int:
    return sum(
        event.args.amount
        for event in receipt.named("Moved")
        if (source is None or event.args.source == source)
        and (target is None or event.args.target == target)
    )


def test_the_whole_closing_books_what_lacks_in_the_same_call(desk):
    system = desk.system
    system.move(BTC, 50_000)
    size, price, penalty, _ = desk.slice_of()
    lack = -(system.cash(desk.account) - size * price // 10**18)
    assert (size, penalty) == (-wad("0.5"), 0)
    assert lack > 0
    receipt = desk.liquidate()
    assert receipt.one("Sliced").args.whole
    assert moved(receipt, system.deployment.deficits, desk.account) == lack
    assert system.cash(desk.account) == 0
    assert system.cash(system.deployment.deficits) == 0


def test_insurance_pays_before_the_vault(desk):
    system = desk.system
    donor = system.actor("donor")
    system.mint(donor, 1_000)
    system.core.transact("deposit", system.deployment.insurance, 0, 1_000 * 10**6, sender=donor)
    system.move(BTC, 50_000)
    receipt = desk.liquidate()
    deficits, insurance = system.deployment.deficits, system.deployment.insurance
    lack = moved(receipt, deficits, desk.account)
    assert lack > wad(1_000)
    swept = moved(receipt, None, insurance)
    assert moved(receipt, insurance, deficits) == wad(1_000) + swept
    assert moved(receipt, system.deployment.treasury, deficits) == lack - wad(1_000) - swept
    assert system.cash(insurance) == 0


def test_no_deficit_no_word_of_the_vault(desk):
    desk.system.move(BTC, 56_300)
    receipt = desk.liquidate()
    assert desk.standing().cash > 0
    # the reward only
    assert len(receipt.named("Moved")) == 1


def test_one_absorption_for_a_batch(desk, counterparty):
    system = desk.system
    other = system.fund(counterparty, 2_000)
    system.trade(other, BTC, "0.5")
    system.move(BTC, 50_000)
    receipt = desk.liquidate(desk.account, other)
    assert len(receipt.named("Absorbed")) == 1
    assert system.cash(system.deployment.deficits) == 0
    assert system.cash(desk.account) == system.cash(other) == 0


@pytest.fixture
def small(system: System, liquidity_provider: str, trader: str, counterparty: str) -> System:
    """A vault of 400,000 between a long and a short of both markets, 640,000 each."""
    system.provide(liquidity_provider, 400_000)
    long, short = system.fund(trader, 45_000), system.fund(counterparty, 100_000)
    for instrument, notional in ((BTC, 360_000), (ETH, 280_000)):
        # a side's cap is the vault's; the short first, so that the skew stays small
        size = wad(notional) * 10**18 // system.prices[words.underlying_of(instrument)]
        for account, sign in ((short, -1), (long, 1)):
            system.trade(account, instrument, words.from_units(sign * size, 10**18))
    return system


def test_what_exceeds_the_vault_stays_on_the_books(small, trader, keeper):
    system = small
    account, keeper_account = system.account(trader), system.fund(keeper, 10)
    system.move(BTC, 1_200)
    system.move(ETH, 60)
    equity = system.vault.call("equity")
    receipt = system.liquidator.transact(
        "liquidate", [account, account], [BTC, ETH], keeper_account
    )
    deficits = system.deployment.deficits
    lack = moved(receipt, deficits, account)
    booked = -system.cash(deficits)
    assert lack > equity > wad(300_000)
    assert 0 < booked < lack
    assert moved(receipt, None, deficits) == lack - booked
    # the vault gave what it had, to the last unit of what its equity is valued at
    assert 0 <= system.vault.call("equity") + booked < wad(200_000)
    assert system.cash(account) == 0
