import pytest

from tidegate.prices.clock import CALM, Clock, ClockStepped


class Hands:
    """A wall clock and a monotonic one, moved by the test."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_800_000_000.0, 5.0
        self.clock = Clock(lambda: self.wall, lambda: self.monotonic)

    def go(self, seconds: float, step: float = 0.0) -> None:
        self.monotonic += seconds
        self.wall += seconds + step


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_it_goes(hands):
    hands.go(3600)
    assert hands.clock.now() == 1_800_003_600


@pytest.mark.parametrize("step", [-5.0, -1.5, 1.5, 86_400.0])
def test_a_step_is_not_believed_for_a_while(hands, step):
    hands.go(1, step)
    with pytest.raises(ClockStepped, match="believed again in 10 s"):
        hands.clock.now()
    hands.go(CALM - 1)
    with pytest.raises(ClockStepped):
        hands.clock.now()
    hands.go(1)
    assert hands.clock.now() == hands.wall
    assert hands.clock.steps == 1


def test_a_second_step_begins_the_wait_anew(hands):
    hands.go(1, 10)
    with pytest.raises(ClockStepped):
        hands.clock.now()
    hands.go(CALM, -10)
    with pytest.raises(ClockStepped):
        hands.clock.now()
    assert hands.clock.steps == 2


def test_it_never_runs_backward_between_steps(hands):
    hands.go(1)
    first = hands.clock.now()
    hands.go(0.1, -0.6)
    assert hands.clock.now() == first
    hands.go(1)
    assert hands.clock.now() == hands.wall > first


def test_a_slow_drift_is_followed(hands):
    for _ in range(1000):
        hands.go(1, 0.01)
        hands.clock.now()
    assert hands.clock.steps == 0
    # after a day without a look a drift of a minute is a clock that NTP slewed
    hands.go(86_400, 60)
    hands.clock.now()
    assert hands.clock.steps == 0
