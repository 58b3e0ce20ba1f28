from tests.harness.system import BTC, ETH, wad

NOTHING = (0, 0, 0, 0)


def test_nothing_of_a_healthy_account(desk):
    assert desk.slice_of() == NOTHING
    desk.system.move(BTC, 58_090)
    assert 0 < desk.standing().equity - desk.standing().maintenance < wad(10)
    assert desk.slice_of() == NOTHING


def test_nothing_of_what_is_not_held(desk):
    desk.system.move(BTC, 57_500)
    assert desk.slice_of(instrument=ETH) == NOTHING
    assert desk.slice_of(instrument=BTC + 1) == NOTHING
    assert desk.slice_of(desk.keeper_account) == NOTHING


def test_it_is_what_liquidate_takes(desk):
    for price in (57_900, 57_400, 56_900, 56_000, 50_000):
        desk.system.move(BTC, price)
        told = desk.slice_of()
        if told == NOTHING:
            continue
        taken = desk.liquidate().one("Sliced").args
        assert (taken.size, taken.price, taken.penalty, taken.reward) == told
    assert desk.position() == 0


def test_price_is_the_vaults_for_that_size(desk):
    desk.system.move(BTC, 57_500)
    size, price, _, _ = desk.slice_of()
    volatility = desk.system.oracle.call("volatility", 1)
    assert price == desk.system.vault.call("quote", BTC, size, wad(57_500), volatility)
    assert price < wad(57_500)


def test_a_short_is_bought_back(desk, counterparty):
    system = desk.system
    short = system.fund(counterparty, 2_000)
    system.trade(short, BTC, "-0.5")
    system.move(BTC, 62_300)
    size, price, _, _ = desk.slice_of(short)
    assert 0 < size < wad("0.5")
    assert price > wad(62_300)
