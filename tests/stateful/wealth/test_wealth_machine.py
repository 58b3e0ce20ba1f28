"""An attacker who owns nearly everything an attacker can own never gets more than fair PnL.

See law.py for the law, docs/wealth.md for what it means and for the figures of a long run.
TIDEGATE_WEALTH_STEPS sets how many actions are tried, TIDEGATE_WEALTH_SEED another sequence.
"""

import os

import pytest

from tests.stateful.wealth import truth
from tests.stateful.wealth.books import Worth
from tests.stateful.wealth.cast import Cast, set_up
from tests.stateful.wealth.faults import FAULTS, spoilt
from tests.stateful.wealth.law import DUST, LAPSE
from tests.stateful.wealth.machine import STEPS_A_LIFE, Failure, drawn, live, run
from tests.stateful.wealth.truth import RECORD

DEFAULT_STEPS = 10_000
STEPS = int(os.environ.get("TIDEGATE_WEALTH_STEPS", DEFAULT_STEPS))
SEED = os.environ.get("TIDEGATE_WEALTH_SEED", "wealth")
LEAST_SUCCESSES = 8  # of each action, in the default number of steps
LEAST_RATE = 0.05
FAULT_STEPS = 6_000  # in which a seeded fault must be found
FAULT_SEED = "z"  # a short one
RECORDED_STEPS = 2_000
OLDEST = 24  # s: a price in force, where honest posters are at most three slots late


@pytest.fixture(scope="module")
def cast() -> Cast:
    return set_up()


@pytest.mark.slow
def test_wealth_grows_by_fair_pnl_only(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(cast, SEED, STEPS)
    with capsys.disabled():
        print("\n" + outcome.report())
    assert outcome.actions >= STEPS
    for name, tried in outcome.tried.items():
        if name == "forge":
            assert outcome.done[name] == 0
            continue
        assert outcome.done[name] >= LEAST_RATE * tried, name
        if STEPS >= DEFAULT_STEPS:
            assert outcome.done[name] >= LEAST_SUCCESSES, name
    for kind, tally in outcome.tallies:
        assert tally.most <= DUST
        if tally.habits == "diligent others":
            assert tally.oldest <= OLDEST
        # a move of a calm slot is smaller than the lapse fee
        assert kind != truth.CALM or tally.edges[LAPSE] == 0


@pytest.mark.slow
@pytest.mark.skipif(
    not truth.recorded_files(), reason="TIDEGATE_MARKET_DATA names no folder of recorded markets"
)
def test_wealth_on_recorded_markets(cast: Cast) -> None:
    steps = RECORDED_STEPS if STEPS <= DEFAULT_STEPS else STEPS // 5
    outcome = run(cast, f"{SEED} recorded", steps, (RECORD,))
    assert max(tally.most for _, tally in outcome.tallies) <= DUST


def test_the_books_say_what_the_contracts_say(cast: Cast) -> None:
    """At the prices in force own equity is the clearing house's, the vault's is the vault's."""
    chain, looked = cast.system.chain, 0
    checkpoint = chain.snapshot()
    for life in live(cast, "books", truth.TREND, drawn("books", STEPS_A_LIFE)):
        life.law.reread()
        worth = Worth(life.law.words, life.law.terms, life.now, life.force())
        for account in cast.accounts:
            assert worth.equity(account) == pytest.approx(
                life.system.health(account)[0], abs=len(truth.START), rel=0
            )
        assert worth.vault == pytest.approx(life.system.vault.call("equity"), abs=2, rel=0)
        looked += any(life.size(account, 64) for account in cast.trading)
    chain.restore(checkpoint)
    assert looked > STEPS_A_LIFE // 4


def test_a_life_is_the_same_again(cast: Cast) -> None:
    chain, ends = cast.system.chain, []
    for _ in range(2):
        checkpoint = chain.snapshot()
        *_, life = live(cast, "again", truth.CRASH, drawn("again", 60))
        ends.append((life.law.tally.end, life.done, life.refused))
        chain.restore(checkpoint)
    assert ends[0] == ends[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_is_found(name: str) -> None:
    with spoilt(FAULTS[name]):
        faulty = set_up()
    with pytest.raises(Failure):
        run(faulty, FAULT_SEED, FAULT_STEPS)
