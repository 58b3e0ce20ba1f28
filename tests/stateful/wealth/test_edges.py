"""Where the edges end: what the tables of docs/wealth.md measure, in a few points."""

import pytest

from tests.stateful.wealth.edges import (
    LARGEST,
    PRICE,
    Bench,
    around_a_slice,
    around_an_order,
    late_rounds,
    redeemed,
    walked,
)
from tests.stateful.wealth.truth import CALM, CRASH
from tidegate.spec.rounding import WAD


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_around_a_small_order_nothing_is_earned(bench: Bench) -> None:
    assert all(around_an_order(bench, 5, ours)[0] < 0 for ours in (1, 10, LARGEST))


def test_around_a_large_order_it_is_what_the_victim_pays_more(bench: Bench) -> None:
    gain, paid = around_an_order(bench, 25, LARGEST)
    _, alone = around_an_order(bench, 25, 0)
    assert 0 < gain < paid - alone
    # never more than the largest premium, of which the victim pays half in any case
    assert paid - alone < 25 * PRICE * WAD // 100


def test_around_a_small_liquidation_nothing_is_earned(bench: Bench) -> None:
    alone = around_a_slice(bench, 5, 0)
    assert all(around_a_slice(bench, 5, ours) < alone for ours in (1, 25))


def test_leaving_before_a_move_earns_the_vaults_loss_on_it(bench: Bench) -> None:
    held = redeemed(bench, 50, 10_000, newer=False)
    gain = held - redeemed(bench, 50, 10_000, newer=True)
    # a quarter of what 50 units and their potential lose by a hundredth of the price
    assert 0.24 < gain / (50 * PRICE * WAD // 100) < 0.26


def test_a_pair_earns_nothing_before_a_gap_beyond_initial_margin(bench: Bench) -> None:
    assert walked(bench, 1, 45_000) < 0 < walked(bench, 2, 45_000)


@pytest.mark.parametrize("kind", [CALM, CRASH])
def test_delay_earns_nothing(bench: Bench, kind: str) -> None:
    assert late_rounds(bench, kind, 1, 3_000, 20)[0] < 0
