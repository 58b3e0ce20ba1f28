from decimal import Decimal

import numpy as np
import pytest

from tidegate.simulation import paths
from tidegate.simulation.crash_path import on_grid

BAR = paths.Bar(600, *map(Decimal, ("100", "110", "90", "105")))
NEXT = paths.Bar(660, *map(Decimal, ("105", "106", "104", "104")))
REPLAY = paths.Replay(60, {"BTC-PERP": (BAR, NEXT)})


def test_a_bar_is_open_extremes_and_close_a_quarter_apart():
    path = on_grid("test", REPLAY, 15, 1)
    prices = path.prices["BTC-PERP"].tolist()
    assert path.times.tolist() == list(range(600, 720, 15))
    assert [prices[0], *prices[3:5], prices[-1]] == [100, 105, 105, 104]
    assert sorted(prices[1:3]) == [90, 110]
    assert path.step == 15
    assert path.low("BTC-PERP") == 90


def test_between_two_prices_the_path_is_straight():
    path = on_grid("test", REPLAY, 5, 1)
    prices = path.prices["BTC-PERP"]
    assert prices[0] == 100
    assert np.allclose(np.diff(prices[:4]), (prices[3] - 100) / 3)


def test_steps_must_divide_a_quarter_of_a_bar():
    with pytest.raises(paths.PathError, match="do not divide"):
        on_grid("test", REPLAY, 4, 1)


def test_held_at_its_low_a_path_never_rises():
    held = on_grid("test", REPLAY, 15, 1).held_at_low()
    assert (np.diff(held.prices["BTC-PERP"]) <= 0).all()
    assert held.prices["BTC-PERP"][-1] == 90
