from dataclasses import replace

import pytest

from tests.harness.breaker import INSTRUMENT, MAX_AGE, SETTINGS, Bench
from tests.harness.reverts import reverts
from tidegate.spec.breaker import Settings

OFF = Settings(window=60, hold_1=1, hold_2=1, hold_3=1, hold_4=1, longest_halt=1)
LARGEST = Settings(
    **{name: 1023 for name in Settings.LAYOUT if name[:5] in ("price", "skew_", "liqui")},
    **{f"drawn_{level}": 1000 for level in range(1, 5)},
    **{f"hold_{level}": 720 for level in range(1, 4)},
    window=3600,
    hold_4=60,
    longest_halt=60,
    outage=1023,
    grace=60,
)
LEAST = replace(
    OFF,
    **{f"price_{level}": 5 for level in range(1, 4)},
    price_4=30,
    skew_1=5,
    skew_2=5,
    **{f"liquidated_{level}": 1 for level in range(1, 4)},
    **{f"drawn_{level}": 10 for level in range(1, 4)},
    drawn_4=100,
    outage=2,
)
# one step outside each bound, from settings that are at it
OUTSIDE = {
    "window below": replace(LEAST, window=59),
    "window above": replace(LARGEST, window=3601),
    **{f"hold {i} below": replace(LEAST, **{f"hold_{i}": 0}) for i in range(1, 5)},
    **{f"hold {i} above": replace(LARGEST, **{f"hold_{i}": 721}) for i in range(1, 4)},
    "hold of HALTED above": replace(LARGEST, hold_4=61),
    "longest halt below": replace(LEAST, longest_halt=0, hold_4=0),
    "longest halt above": replace(LARGEST, longest_halt=61),
    "grace above": replace(LEAST, grace=2),
    **{f"price {i} below": replace(LEAST, **{f"price_{i}": 4}) for i in range(1, 4)},
    "price to halt below": replace(LEAST, price_4=29),
    **{f"skew {i} below": replace(LEAST, **{f"skew_{i}": 4}) for i in (1, 2)},
    **{f"drawn {i} below": replace(LEAST, **{f"drawn_{i}": 9}) for i in range(1, 4)},
    "drawn to halt below": replace(LEAST, drawn_4=99),
    **{f"drawn {i} above": replace(LARGEST, **{f"drawn_{i}": 1001}) for i in range(1, 5)},
    **{
        f"{name}_{i} over {name}_{i + 1}": replace(LARGEST, **{f"{name}_{i + 1}": 900})
        for name, levels in (("price", 4), ("skew", 2), ("liquidated", 3), ("drawn", 4))
        for i in range(1, levels)
    },
    "over a level that is never": replace(LARGEST, price_2=0, price_3=900),
}


@pytest.mark.parametrize("settings", [SETTINGS, OFF, LARGEST, LEAST, replace(LARGEST, price_2=0)])
def test_takes_what_is_within_bounds(bench: Bench, settings: Settings):
    receipt = bench.set_settings(settings)
    assert settings.within_bounds()
    bench.breaker.call("check_settings", settings.pack())
    assert bench.breaker.call("settings_word", INSTRUMENT) == settings.pack()
    said = receipt.one("SettingsSet")
    assert (said.args.instrument, said.args.word) == (INSTRUMENT, settings.pack())


@pytest.mark.parametrize("name", OUTSIDE)
def test_refuses_what_is_outside(bench: Bench, name: str):
    assert not OUTSIDE[name].within_bounds()
    with reverts("OutOfBounds"):
        bench.breaker.call("check_settings", OUTSIDE[name].pack())
    with reverts("OutOfBounds"):
        bench.set_settings(OUTSIDE[name])
    assert bench.breaker.call("settings_word", INSTRUMENT) == SETTINGS.pack()


def test_refuses_bits_without_meaning(bench: Bench):
    with reverts("OutOfBounds"):
        bench.breaker.call("check_settings", SETTINGS.pack() | 1 << 214)


def test_an_outage_is_longer_than_a_price_is_fresh(bench: Bench):
    bench.answer(bench.oracle, "feed_word(uint256)", 5 * 60)
    with reverts("OutOfBounds"):
        bench.set_settings(SETTINGS)
    bench.answer(bench.oracle, "feed_word(uint256)", 5 * 60 - 1)
    bench.set_settings(SETTINGS)
    bench.answer(bench.oracle, "feed_word(uint256)", MAX_AGE)


def test_only_the_owner_sets(bench: Bench):
    with reverts("NotOwner"):
        bench.set_settings(SETTINGS, sender=bench.guardian)


def test_only_of_a_listed_market(bench: Bench):
    with reverts("NotListed"):
        bench.breaker.transact("set_settings", 65, SETTINGS.pack(), sender=bench.owner)


def test_the_level_stays_and_falls_by_the_new_hold(bench: Bench):
    bench.reach(2)
    bench.set_settings(replace(OFF, hold_2=3))
    assert bench.poke() == 2
    bench.pass_time(179)
    assert bench.poke() == 2
    bench.pass_time(1)
    assert bench.poke() == 1
