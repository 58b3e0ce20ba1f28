"""The short form of docs/chaos.md: one night of each trouble, some of the kills."""

import random
from collections.abc import Iterator

import pytest

from tests.integration.chaos.rig import Outcome, Rig
from tests.integration.chaos.scenarios import (
    SCENARIOS,
    Missing,
    Scenario,
    killed_at,
    requests_of_a_pass,
)
from tidegate.anvil import find_anvil

pytestmark = [pytest.mark.anvil, pytest.mark.xdist_group("chaos")]
SEED = 1
KILLS = 3


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    if find_anvil() is None:
        pytest.skip("anvil was not found: run `make setup`")
    made = Rig()
    yield made
    made.close()


def _judged(outcome: Outcome, most: int) -> None:
    assert outcome.fine, str(outcome)
    wasted = outcome.verdict.wasted
    assert len(wasted) <= most, wasted
    done = outcome.verdict.done
    assert done["Sliced"] == 3
    assert done["Claimed"] == 3, "two of the night, one of the first provider before it"


@pytest.mark.parametrize(
    "scenario", [one for one in SCENARIOS if one.short], ids=lambda one: one.name
)
def test_nothing_is_done_twice_and_nothing_is_left_undone(rig, scenario: Scenario):
    try:
        outcome = scenario.play(rig, SEED)
    except Missing as missing:
        pytest.skip(str(missing))
    assert outcome.faults
    _judged(outcome, scenario.most)


def test_killed_at_some_awaited_answers(rig):
    asked = requests_of_a_pass(rig)
    rng = random.Random(SEED)
    for at in sorted(rng.sample(range(1, asked), KILLS)):
        outcome = killed_at(rig, at, answered=rng.random() < 0.5)
        assert outcome.restarts == 1, f"killed at request {at}"
        _judged(outcome, 2)
