"""A loss shared: a fill against the backstop closes part of all positions of the other side."""

from dataclasses import replace

import pytest

from tests.unit.core.clearing_house.conftest import BTC, PRICE, RISK, TRADE, WAD, House

LOW = 96 * WAD
HIGH = 104 * WAD


@pytest.fixture
def sides(house: House) -> dict[str, int]:
    """Matched: the failing trader long 100 with 600, a calm one long 10; short 90 and 60 and 30.

    The pool is long 70. At 96 the failing trader has 200 and needs 288.
    """
    accounts = {name: house.fund(name, 5_000 * WAD) for name in ("calm", "tall", "mid", "low")}
    accounts["failing"] = house.fund("failing", 600 * WAD)
    for long, short, size in (("failing", "tall", 90), ("calm", "mid", 10)):
        house.clear(house.fill(accounts[long], size * WAD, maker=accounts[short]))
    house.trade(accounts["failing"], 10 * WAD)
    house.trade(accounts["mid"], -50 * WAD)
    house.trade(accounts["low"], -30 * WAD)
    house.price(LOW)
    assert house.interest().skew == -70 * WAD
    return accounts


def backstop(house: House) -> int:
    return (int(house.core.address, 16) << 96) | (3 << 32)


def share(house: House, account: int, size: int, price: int = LOW, **changes):
    fill = house.fill(account, size, price, maker=backstop(house), **changes)
    return house.clear(fill, by=house.liquidator)


def size_of(house: House, account: int) -> int:
    return house.core.call("size_of", account, BTC)


def equities(house: House, accounts: dict[str, int]) -> dict[str, int]:
    return {name: house.health(account)[0] for name, account in accounts.items()}


def test_all_of_the_other_side_lose_the_same_part_at_the_mark(house: House, sides):
    before = equities(house, sides)
    pool = house.cash(house.pool())
    share(house, sides["failing"], -45 * WAD)
    # 45 of 180: a quarter
    assert size_of(house, sides["failing"]) == 55 * WAD
    assert size_of(house, sides["tall"]) == -67_500_000_000_000_000_000
    assert size_of(house, sides["mid"]) == -45 * WAD
    assert size_of(house, sides["low"]) == -22_500_000_000_000_000_000
    assert size_of(house, sides["calm"]) == 10 * WAD
    interest = house.interest()
    assert (interest.long_side, interest.short_side) == (65 * WAD, 135 * WAD)
    # at the mark nobody gains or loses by it
    assert equities(house, sides) == before
    assert house.cash(house.pool()) == pool
    house.laws()


def test_what_was_closed_is_out_of_the_market(house: House, sides):
    share(house, sides["failing"], -45 * WAD)
    before = equities(house, sides)
    house.price(HIGH)
    moved = {name: equity - before[name] for name, equity in equities(house, sides).items()}
    assert moved == {
        "failing": 55 * 8 * WAD,
        "calm": 10 * 8 * WAD,
        "tall": -675 * 8 * WAD // 10,
        "mid": -45 * 8 * WAD,
        "low": -225 * 8 * WAD // 10,
    }


def test_a_position_is_written_down_when_it_is_touched(house: House, sides):
    share(house, sides["failing"], -45 * WAD)
    assert house.size(sides["mid"]) == -60 * WAD
    before = equities(house, sides)
    receipt = house.core.transact("settle", sides["mid"], BTC, sender=house.venue)
    [shared] = [event for event in receipt.events if event.name == "Shared"]
    assert shared.args["size"] == 15 * WAD
    # short at 100, a quarter closed at 96
    assert shared.args["due"] == 15 * LOW
    assert house.size(sides["mid"]) == -45 * WAD
    assert house.position(sides["mid"]).epoch == 2
    assert equities(house, sides) == before
    house.trade(sides["low"], 30 * WAD - 7_500_000_000_000_000_000, LOW)
    assert house.holds(sides["low"]) == ()
    house.laws()


def test_the_last_to_close_takes_no_more_than_the_side_has(house: House):
    """Four shorts, each rounded up, hold a unit more than the side, where a loss was exact."""
    failing, tall = house.fund("failing", 600 * WAD), house.fund("tall", 5_000 * WAD)
    house.clear(house.fill(failing, 90 * WAD, maker=tall))
    shorts = [tall]
    for name in ("a", "b", "c"):
        shorts.append(house.fund(name, 5_000 * WAD))
        house.trade(shorts[-1], -30 * WAD)
    house.price(LOW)
    share(house, failing, -45 * WAD - 1)
    sizes = [size_of(house, short) for short in shorts]
    assert sum(sizes) == -135 * WAD
    assert house.interest().short_side == 135 * WAD - 1
    long_side, time = house.interest().long_side, house.interest().time
    for short, size in zip(shorts, sizes, strict=True):
        house.trade(short, -size, LOW)
    after = house.interest()
    assert (after.long_side, after.short_side, after.time) == (long_side, 0, time)
    assert house.position(house.pool()).size == -long_side
    assert house.position(backstop(house)).size == 0
    house.laws()


def test_only_what_shared_a_loss_is_settled(house: House, sides, refuses):
    refuses("NotListed", house.core.transact, "settle", sides["mid"], BTC, sender=house.venue)
    share(house, sides["failing"], -45 * WAD)
    house.core.transact("settle", sides["mid"], BTC, sender=house.venue)
    for account in (sides["mid"], sides["failing"], sides["calm"], house.account("nobody")):
        refuses("NotListed", house.core.transact, "settle", account, BTC, sender=house.venue)


def test_the_whole_other_side_may_be_closed_and_starts_anew(house: House):
    long, short = house.fund("long", 600 * WAD), house.fund("short", 5_000 * WAD)
    house.clear(house.fill(long, 100 * WAD, maker=short))
    house.price(LOW)
    share(house, long, -100 * WAD)
    assert size_of(house, short) == 0
    assert house.health(short)[0] == 5_400 * WAD
    assert house.interest().short_side == 0
    house.core.transact("settle", short, BTC, sender=house.venue)
    assert house.holds(short) == ()
    assert house.cash(short) == 5_400 * WAD
    house.clear(house.fill(short, -10 * WAD, LOW, maker=house.fund("new", 5_000 * WAD)))
    assert size_of(house, short) == -10 * WAD
    house.laws()


def test_a_dead_position_can_be_opened_again_unsettled(house: House):
    long, short = house.fund("long", 600 * WAD), house.fund("short", 5_000 * WAD)
    house.clear(house.fill(long, 100 * WAD, maker=short))
    house.price(LOW)
    share(house, long, -100 * WAD)
    house.trade(short, 20 * WAD, LOW)
    assert house.holds(short) == (BTC,)
    assert house.size(short) == 20 * WAD
    assert house.health(short)[0] == 5_400 * WAD
    house.laws()


def test_longs_share_the_loss_of_a_short(house: House):
    short, long = house.fund("short", 600 * WAD), house.fund("long", 5_000 * WAD)
    house.clear(house.fill(short, -100 * WAD, maker=long))
    house.trade(long, 33 * WAD)
    house.price(HIGH)
    share(house, short, 50 * WAD, HIGH)
    # 50 of 133; rounded down, the rest in units of the 27th decimal stays with the backstop
    assert size_of(house, long) == 83 * WAD
    assert house.health(long)[0] == 5_000 * WAD + 133 * 4 * WAD - 1
    house.core.transact("settle", long, BTC, sender=house.venue)
    house.laws()
    assert house.pot_and_dues() >= 0


def test_funding_runs_on_what_is_left(house: House, sides):
    risk = replace(RISK, max_velocity=300_000, max_rate=100_000)
    house.list(BTC, risk)
    house.chain.advance(3600)
    share(house, sides["failing"], -45 * WAD)
    house.core.transact("poke", BTC)
    before = equities(house, sides)
    house.chain.advance(6 * 3600)
    after = equities(house, sides)
    paid = {name: before[name] - after[name] for name in sides}
    # shorts pay: the market is short
    per_unit = -paid["calm"] / 10
    assert per_unit > 0
    for name, size in {"tall": 67.5, "mid": 45, "low": 22.5, "failing": -55}.items():
        assert paid[name] == pytest.approx(size * per_unit, rel=1e-12)
    for account in sides.values():
        if size_of(house, account) != house.size(account):
            house.core.transact("settle", account, BTC, sender=house.venue)
    assert house.pot_and_dues() >= 0
    house.laws()


def test_a_second_loss_falls_on_what_the_first_left(house: House, sides):
    share(house, sides["failing"], -45 * WAD)
    house.core.transact("settle", sides["mid"], BTC, sender=house.venue)
    house.price(94 * WAD)
    share(house, sides["failing"], -27 * WAD, 94 * WAD)
    # 27 of 135: a fifth of three quarters
    assert size_of(house, sides["tall"]) == -54 * WAD
    assert size_of(house, sides["mid"]) == -36 * WAD
    assert size_of(house, sides["low"]) == -18 * WAD
    house.core.transact("settle", sides["mid"], BTC, sender=house.venue)
    house.laws()


def test_below_a_billionth_the_pool_takes_the_rest(house: House):
    """Each round a new long fails, and eight ninths of the same short are closed for it."""
    house.list(BTC, RISK, replace(TRADE, hard=10**9 * 10**6, soft=10**9 * 10**6, minimum=0))
    short = house.fund("short", 10**8 * WAD)
    house.trade(short, -(10**6) * WAD)
    rounds = 0
    while left := -size_of(house, short):
        house.price(PRICE)
        size = left - left // 9
        margin = -(-size * PRICE * 6 // 100 // WAD // 10**12) * 10**12
        long = house.fund(f"long {rounds}", margin)
        house.trade(long, size)
        house.price(LOW)
        pool, interest = house.cash(house.pool()), house.interest()
        share(house, long, -size)
        rounds += 1
        assert size_of(house, long) == 0
    # 9 ** -9 is above, 9 ** -10 below
    assert rounds == 10
    # the pool was long what is left, and takes it at the mark
    rest = -interest.short_side + size
    assert house.interest().short_side == 0
    assert house.cash(house.pool()) - pool == rest * LOW // WAD * -1
    house.core.transact("settle", short, BTC, sender=house.venue)
    assert house.holds(short) == ()
    house.laws()
    assert house.pot_and_dues() >= 0


def test_it_is_refused(house: House, sides, refuses):
    failing, fill = sides["failing"], house.fill
    maker = backstop(house)
    for name, size, price, changes, by in (
        ("BadLiquidation", -45 * WAD, LOW, {}, house.venue),  # by a trading venue
        ("NotVenue", -45 * WAD, LOW, {}, house.configurator),
        ("BadLiquidation", -45 * WAD, LOW, {"fee": 1}, house.liquidator),
        ("BadLiquidation", -45 * WAD, LOW + 1, {}, house.liquidator),  # off the mark
        ("BadLiquidation", 45 * WAD, LOW, {}, house.liquidator),  # the pool would take less
        ("BadLiquidation", -105 * WAD, LOW, {}, house.liquidator),  # flips
    ):
        refuses(name, house.clear, fill(failing, size, price, maker=maker, **changes), by=by)
    refuses("NotLiquidatable", share, house, sides["calm"], -WAD * 5)


def test_not_where_the_pool_would_take_less(house: House, refuses):
    long = house.fund("long", 600 * WAD)
    house.trade(long, 100 * WAD)
    house.price(LOW)
    refuses("BadLiquidation", share, house, long, -10 * WAD)


def test_the_backstop_is_nobodys_to_trade(house: House, sides, refuses):
    share(house, sides["failing"], -45 * WAD)
    stop = backstop(house)
    refuses("BadFill", house.clear, house.fill(stop, -10 * WAD, LOW))
    refuses("BadFill", house.clear, house.fill(stop, -10 * WAD, LOW), by=house.liquidator)
    refuses("NotVenue", house.clear, house.payment(stop, sides["calm"], 1))
