"""The wall clock, doubted: a signer whose clock was set does not sign by it."""

import threading
import time
from collections.abc import Callable

MAX_STEP = 1.0  # seconds by which wall and monotonic clock may part between two looks
CALM = 10.0  # seconds without a step before the wall clock is believed again
AT_ONE_MOMENT = 0.05  # seconds
DRIFT = 0.001  # seconds per second that NTP may slew


class ClockStepped(Exception):
    """The wall clock was set, or stood still, a moment ago."""


class Clock:
    """Seconds since 1970, held against the monotonic clock at every look.

    A step (somebody sets the clock, a virtual machine wakes) makes every look raise ClockStepped
    until the clock has gone on without another for CALM seconds. Between steps it never runs
    backward.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        max_step: float = MAX_STEP,
        calm: float = CALM,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._max_step = max_step
        self._calm = calm
        self._lock = threading.Lock()
        self._last_wall, self._last_monotonic = self._read()
        self._newest = self._last_wall
        self._calm_at = self._last_monotonic  # from then on believed
        self.steps = 0

    def look(self) -> float:
        """The time, believed or not."""
        with self._lock:
            wall, monotonic = self._read()
            gone = monotonic - self._last_monotonic
            step = (wall - self._last_wall) - gone
            self._last_wall, self._last_monotonic = wall, monotonic
            if abs(step) > self._max_step + DRIFT * gone:
                self.steps += 1
                self._calm_at = monotonic + self._calm
                self._newest = wall
            self._newest = max(self._newest, wall)
            return self._newest

    def _read(self) -> tuple[float, float]:
        """Both clocks at one moment: a pause between the two readings would look like a step."""
        while True:
            before = self._monotonic()
            wall = self._wall()
            after = self._monotonic()
            if after - before < AT_ONE_MOMENT:
                return wall, after

    def now(self) -> float:
        """The time; ClockStepped if it cannot be believed."""
        seen = self.look()
        left = self._calm_at - self._last_monotonic
        if left > 0:
            raise ClockStepped(f"the clock was set; it is believed again in {left:.0f} s")
        return seen
