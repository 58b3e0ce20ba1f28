"""The deployed bytecode and the specification live the same life, word by word.

Every action calls both. They must accept or refuse together, refuse with the same error, hold the
same words and report the same equity; after every call the invariants of docs/invariants.md hold
in the bytecode's words, and at the end of a life everybody leaves. Actions aim at states where
something happens (traders near their margin, crashes, deficits, closed epochs); a share of what
they try is wrong on purpose. Some lives pass at the corners: a price near the highest there is,
a market as deep as its field is wide.

One Hypothesis rule draws the action: its own choice among many rules leaves whole kinds out of a
life, and then little of this world happens. TIDEGATE_FUZZ_STEPS sets how many steps are run;
beyond the default they are not repeatable.
"""

import os
import time
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.stateful.cast import WEIGHTED, Tally
from tests.stateful.exits import all_exit
from tests.stateful.life import Life
from tests.stateful.world import CORNER, ORDINARY

DEFAULT_STEPS = 50_000
STEPS = int(os.environ.get("TIDEGATE_FUZZ_STEPS", DEFAULT_STEPS))
STEPS_A_LIFE = 250
LEAST_SUCCESSES = 200  # of each action, at the default number of steps
LEAST_RATE = 0.05
CORNERS = 8  # one life in so many passes there

tally = Tally()


class ClearingMachine(RuleBasedStateMachine):
    """A life, told by Hypothesis."""

    life: Life
    whole = False

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        self.seed = seed
        corner = seed % CORNERS == 0
        self.life = Life(tally, CORNER if corner else ORDINARY)
        tally.checked["life at the corners" if corner else "ordinary life"] += 1
        self.whole = True

    @rule(name=st.deferred(lambda: st.sampled_from(WEIGHTED)), seed=st.integers(0, 2**32 - 1))
    def live(self, name: str, seed: int) -> None:
        self.whole = False  # a failing life is not carried on to its end
        self.life.act(name, seed)
        self.whole = True

    def teardown(self) -> None:
        if self.whole:
            self.life.laws.inv_30()
            tally.checked.update(all_exit(self.life, Random(self.seed)))
            tally.checked.update(self.life.laws.checked)


@pytest.mark.slow
def test_bytecode_is_the_specification(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    for counter in (tally.tried, tally.done, tally.refused, tally.checked):
        counter.clear()
    run_state_machine_as_test(
        ClearingMachine,
        settings=settings(
            max_examples=-(-STEPS * 11 // (STEPS_A_LIFE * 10)),
            stateful_step_count=STEPS_A_LIFE,
            deadline=None,
            derandomize=STEPS <= DEFAULT_STEPS,
            database=None,
            phases=(Phase.generate, Phase.shrink) if STEPS > DEFAULT_STEPS else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    counted = sum(tally.tried.values())
    with capsys.disabled():
        print(f"\n{tally.report()}")
        print(f"{counted} rules in {time.monotonic() - began:.0f} s")
    assert counted >= STEPS
    if STEPS >= DEFAULT_STEPS:
        for name, tried in tally.tried.items():
            assert tally.done[name] >= LEAST_RATE * tried, name
            assert tally.done[name] >= LEAST_SUCCESSES, name
