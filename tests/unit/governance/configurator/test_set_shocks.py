from dataclasses import replace

import pytest

from tests.harness.reverts import reverts
from tests.harness.words import RISK


def test_changes_all_instruments_of_the_underlying(desk):
    other = replace(RISK, max_rate=50_000)
    desk.set_terms(70, risk=other)
    desk.do("set_shocks", 1, 80_000, 40_000)
    changed = {"initial_shock": 80_000, "maintenance_shock": 40_000}
    assert desk.core.call("risk_word", 64) == replace(RISK, **changed).pack()
    assert desk.core.call("risk_word", 70) == replace(other, **changed).pack()
    assert desk.core.call("risk_word", 65) == 0


@pytest.mark.parametrize(
    ("initial", "maintenance"),
    [
        (30_000, 30_000),  # not above maintenance
        (50_000, 20_000),  # below what a fill and a penalty may cost
        (500_001, 30_000),
        (1 << 20, 30_000),  # beyond its field
        (50_000, 1 << 20),
    ],
)
def test_keeps_the_bounds(desk, initial, maintenance):
    with reverts("OutOfBounds"):
        desk.do("set_shocks", 1, initial, maintenance)


def test_refuses_an_underlying_without_instruments(desk):
    with reverts("NotListed"):
        desk.do("set_shocks", 2, 80_000, 40_000)


def test_answers_to_the_owner_only(desk, attacker):
    for sender in (attacker, desk.guardian):
        with reverts("NotOwner"):
            desk.do("set_shocks", 1, 80_000, 40_000, sender=sender)
