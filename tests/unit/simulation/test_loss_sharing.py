import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.simulation.loss_sharing import (
    HYPERLIQUID,
    burden,
    by_queue,
    compared,
    markdown,
    pro_rata,
    profits,
)

DATA = os.environ.get("TIDEGATE_MARKET_DATA")
GAINS = np.array([10.0, 30.0, 40.0, 20.0])
SCORES = np.array([4.0, 1.0, 2.0, 3.0])


def test_the_queue_takes_all_from_the_first_until_the_need_is_met():
    assert by_queue(GAINS, SCORES, 25.0, whole=False).tolist() == [10, 0, 0, 15]
    assert by_queue(GAINS, SCORES, 25.0, whole=True).tolist() == [10, 0, 0, 20]
    assert by_queue(GAINS, SCORES, 100.0, whole=True).tolist() == GAINS.tolist()


def test_pro_rata_takes_the_same_share_of_all():
    assert pro_rata(GAINS, 25.0).tolist() == [2.5, 7.5, 10, 5]


def test_nobody_can_be_asked_for_more_than_was_gained():
    for rule in (lambda: by_queue(GAINS, SCORES, 101.0, True), lambda: pro_rata(GAINS, 101.0)):
        with pytest.raises(ValueError, match="more is needed"):
            rule()


def test_a_burden_by_hand():
    found = burden(np.array([0.0, 0.0, 0.0, 8.0]), np.full(4, 16.0))
    assert (found.total, found.payers, found.hardest) == (8.0, 1, 0.5)
    assert found.top_percent == 1.0
    assert found.gini == pytest.approx(0.75)
    assert burden(np.full(4, 2.0), np.full(4, 16.0)).gini == pytest.approx(0)


@given(
    st.lists(st.floats(1.0, 1e6), min_size=2, max_size=50),
    st.floats(0.01, 0.99),
    st.integers(0, 100),
)
def test_both_rules_raise_the_need_and_the_queue_never_hits_softer(gains, share, seed):
    gains = np.array(gains)
    need = share * gains.sum()
    scores = np.random.default_rng(seed).random(len(gains))
    queue, shared = by_queue(gains, scores, need, False), pro_rata(gains, need)
    assert queue.sum() == pytest.approx(need)
    assert shared.sum() == pytest.approx(need)
    assert (queue <= gains * (1 + 1e-12)).all()
    assert burden(queue, gains).hardest >= burden(shared, gains).hardest - 1e-9


def test_splitting_a_wallet_changes_nothing_pro_rata():
    whole = pro_rata(GAINS, 25.0)
    split = pro_rata(np.array([5.0, 5.0, 30.0, 40.0, 20.0]), 25.0)
    assert split[:2].sum() == pytest.approx(whole[0])


def test_the_drawn_profits_have_the_published_sum():
    drawn = profits(HYPERLIQUID, 1.5, 3)
    assert len(drawn) == HYPERLIQUID.wallets
    assert drawn.sum() == pytest.approx(HYPERLIQUID.profit)


def test_the_queue_took_four_times_the_need_and_hit_few():
    made = compared()
    for spread in (1.0, 1.5, 2.0):
        taken, exact = made["queue, as taken", spread], made["queue, exact", spread]
        shared = made["pro rata, exact", spread]
        assert taken.total / HYPERLIQUID.needed == pytest.approx(3.99, abs=0.05)
        assert exact.hardest == 1.0
        assert shared.hardest == pytest.approx(HYPERLIQUID.needed / HYPERLIQUID.profit)
        assert exact.payers < 0.05 * shared.payers
        assert exact.gini > shared.gini
    assert len(markdown().splitlines()) == 6


@pytest.mark.skipif(not DATA, reason="TIDEGATE_MARKET_DATA names no folder with the figures")
def test_the_figures_are_the_published_ones():
    path = Path(DATA) / "reference_cases.json"
    if not path.is_file():
        pytest.skip("no reference_cases.json in TIDEGATE_MARKET_DATA")
    cases = {case["id"]: case["expected"] for case in json.loads(path.read_text())["cases"]}
    events, sums = cases["ADL-HL-EVENTS"], cases["ADL-HL-OVERSHOOT"]
    assert events["adl_fills"] == HYPERLIQUID.fills
    assert events["adl_notional"] == pytest.approx(HYPERLIQUID.notional)
    assert events["adl_pnl"] == pytest.approx(HYPERLIQUID.profit)
    assert events["negative_equity_accounts"] == HYPERLIQUID.bankrupt
    assert -events["negative_equity_usd"] == pytest.approx(HYPERLIQUID.deficit)
    assert sums["sum_needed"] == pytest.approx(HYPERLIQUID.needed)
    assert sums["sum_prod"] == pytest.approx(HYPERLIQUID.taken)
