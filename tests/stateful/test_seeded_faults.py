"""The machine finds bugs: contracts with one line changed do not live long.

Each fault is a line of a contract and what takes its place; a copy of the sources with it is
compiled, kept by the texts it came from, and told the same lives as the right contracts.
"""

from random import Random

import pytest

from tests.stateful.cast import WEIGHTED, Tally
from tests.stateful.exits import all_exit
from tests.stateful.life import Life
from tests.stateful.wealth.faults import Fault, spoilt
from tidegate import artifacts
from tidegate.artifacts import Artifact

LIVES = 24  # at most, until a fault shows
RIGHT_LIVES = 6
STEPS_A_LIFE = 250
CORE, VAULT, EXCHANGE = "ClearingHouse", "LiquidityVault", "Exchange"

FAULTS = {
    "the pot forgets what a maker owes": Fault(
        CORE,
        "core/ClearingHouse.vy",
        "carried = market_words._paid_in(carried, unsafe_add(taker_due, maker_due))",
        "carried = market_words._paid_in(carried, taker_due)",
    ),
    "funding due is rounded for the account": Fault(
        CORE,
        "libraries/funding.vy",
        "return rounding._mul_div_up(size, unsafe_sub(index, checkpoint), 10**27)",
        "return rounding._mul_div_down(size, unsafe_sub(index, checkpoint), 10**27)",
    ),
    "a withdrawal asks for maintenance only": Fault(
        CORE,
        "core/solvency.vy",
        "state.equity >= state.initial, errors.INSUFFICIENT_CASH if state",
        "state.equity >= state.maintenance, errors.INSUFFICIENT_CASH if state",
    ),
    "healthy accounts are liquidated": Fault(
        CORE,
        "core/solvency.vy",
        "errors._require(before.equity < before.maintenance, errors.NOT_LIQUIDATABLE)",
        "errors._require(before.equity < before.initial, errors.NOT_LIQUIDATABLE)",
    ),
    "a penalty may lower E / N": Fault(
        CORE,
        "core/solvency.vy",
        "and self._no_worse(after.equity, before.notional, before.equity, after.notional)",
        "and after.equity >= 0",
    ),
    "gains leave without looking at the vault": Fault(
        CORE,
        "core/ledger.vy",
        "errors._require(covered, errors.VAULT_SHORT)",
        "errors._require(covered or gain != 0, errors.VAULT_SHORT)",
    ),
    "closing is held to the cap": Fault(
        CORE,
        "core/ClearingHouse.vy",
        "if market_words._has_grown(before, interest):",
        "if fill.size != 0:",
    ),
    "premium is profit of the vault": Fault(
        VAULT,
        "vaults/book.vy",
        "equity -= quotes._potential_up(",
        "equity -= 0 * quotes._potential_up(",
    ),
    "redemptions leave nothing for the stress": Fault(
        VAULT,
        "vaults/LiquidityVault.vy",
        "if assets_out > room:",
        "if assets_out > room and room == 0:",
    ),
    "orders fill in the slot that was open": Fault(
        EXCHANGE,
        "venues/Exchange.vy",
        "return block.timestamp // SLOT_SECONDS + 1",
        "return block.timestamp // SLOT_SECONDS",
    ),
    "a reduce-only order fills whole": Fault(
        EXCHANGE,
        "venues/Exchange.vy",
        "size = max(size, -held) if held > 0 else min(size, -held)",
        "size = size",
    ),
}


def faulty(fault: Fault) -> dict[str, Artifact]:
    with spoilt(fault):
        return {fault.contract: artifacts.artifact(fault.contract)}


def lives(code: dict[str, Artifact] | None, most: int = LIVES) -> tuple[int, str]:
    """Steps until something was wrong, and what; all of them and nothing if nothing was."""
    steps = 0
    for seed in range(most):
        rng = Random(f"z {seed}")  # a seed that is quick for every fault
        life = Life(Tally(), faulty=code)
        try:
            for _ in range(STEPS_A_LIFE):
                steps += 1
                life.act(rng.choice(WEIGHTED), rng.random())
            life.laws.inv_30()
            all_exit(life, rng)
        except AssertionError as broken:
            return steps, str(broken)
    return steps, ""


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_the_machine_finds_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    steps, what = lives(faulty(FAULTS[name]))
    with capsys.disabled():
        print(f"\n{name}: after {steps} steps, {what[:70]}")
    assert what


@pytest.mark.slow
def test_the_same_lives_find_nothing_in_the_right_contracts() -> None:
    assert lives(None, RIGHT_LIVES) == (RIGHT_LIVES * STEPS_A_LIFE, "")
