"""Published values of liquidation, margin and funding arithmetic, and the same on numbers of ours.

TIDEGATE_MARKET_DATA names a folder with reference_cases.json: cases with their source, inputs,
what the source prints and to which tolerance. Of its cases those are here whose instruments and
mechanisms are built. The venue's rule behind FUND-HL-2023 (premium and a clamp) is not ours: what
is taken of it is the realised rates, which a position must be charged exactly.
"""

import json
import os
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.harness.system import BTC, System
from tidegate.deployment import COLLATERAL
from tidegate.spec import margin, quote
from tidegate.spec.clearing import Fill, cost_up
from tidegate.spec.funding import DAY, accrued, due_up
from tidegate.spec.liquidator import Liquidator
from tidegate.spec.rounding import PPM, WAD
from tidegate.spec.words import Carry, Indices, Interest, Limits, Position, Risk, Trade

DATA = os.environ.get("TIDEGATE_MARKET_DATA")
SCALE = 60_000  # dollars of the deployment's BTC for 1 in a case
OURS: dict[str, dict[str, Any]] = {
    "LIQ-BANKRUPTCY": {
        "inputs": {
            "mark": 1,
            "positions": {
                "F": {"q": 2, "equity_c": "0.5", "side": 1},
                "G": {"q": 5, "equity_c": "1", "side": -1},
                "H": {"q": 1, "equity_c": "1.5", "side": 1},
            },
        },
        "expected": {"F": "0.75", "G": "1.2", "H": 0},
        "tolerance": "0.0001",
    },
    "LIQ-EXEC-BADDEBT": {
        "inputs": {
            "alpha": "0.5",
            "slices": [
                {"pos": "F", "p": 2, "dq": "1.2"},
                {"pos": "F", "p": "1.9", "dq": "0.4"},
                {"pos": "G", "p": "1.1", "dq": "1"},
            ],
        },
        "expected": [
            {"p_exec": "1.7", "p_bk": "1.75", "bad_debt": "0.06"},
            {"p_exec": "1.8", "p_bk": "1.65", "bad_debt": 0},
            {"p_exec": "1.35", "p_bk": "1.3", "bad_debt": "0.05"},
        ],
        "tolerance": "0.000001",
    },
    "LIQ-MIN-SLICE": {
        "inputs": {
            **{"p": 100, "q": 3, "e": 8, "mu": "0.05", "fee_bps": 50, "p_exec": 99, "side": 1},
        },
        "expected": {"dq_uncapped": 2, "dq": 2},
        "tolerance": "0.000001",
    },
    "PM-DEDERI": {
        "inputs": {"qty": 3, "shocks": ["-0.2", "0.1"], "future_contingency_factor": "0.01"},
        "expected": {"F0": 500, "sim_pnl": [-300, 150], "future_contingency": 15},
        "tolerance": "0.000001",
    },
    "FUND-HL-2023": {"expected": ["0.0001", "-0.00025", "0.0003", 0], "tolerance": 0},
}


@pytest.fixture(params=["ours", "published"])
def case(request: pytest.FixtureRequest) -> Any:
    """Case by name; numbers as Decimal."""
    if request.param == "ours":
        return lambda name: decimals(OURS[name])
    path = Path(DATA or "") / "reference_cases.json"
    if not DATA or not path.exists():
        pytest.skip("TIDEGATE_MARKET_DATA names no folder with reference_cases.json")
    found = {each["id"]: each for each in json.loads(path.read_text())["cases"]}
    return lambda name: decimals(found[name])


def decimals(value: Any) -> Any:
    """Every number of a case, by its shortest decimal form."""
    if isinstance(value, dict):
        return {key: decimals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decimals(item) for item in value]
    if isinstance(value, int | float) or (isinstance(value, str) and is_number(value)):
        return Decimal(str(value))
    return value


def is_number(text: str) -> bool:
    return text.replace("-", "").replace(".", "").isdigit()


def wad(value: Decimal) -> int:
    return int(value * WAD)


def near(found: int | Fraction, expected: Decimal, tolerance: Decimal) -> bool:
    """Whether 1e-18 units are what the source prints."""
    return abs(Fraction(found) / WAD - Fraction(expected)) <= Fraction(tolerance)


# Liquidation


def test_equity_is_zero_at_the_published_bankruptcy_price(
    case: Any, funded: System, trader: str
) -> None:
    """On the bytecode: positions of the case, one unit being 60,000 dollars."""
    published = case("LIQ-BANKRUPTCY")
    tolerance = published["tolerance"]
    for sub, (name, position) in enumerate(published["inputs"]["positions"].items()):
        checkpoint = funded.chain.snapshot()
        prices, nonces = dict(funded.prices), dict(funded.nonces)
        q, side, equity = position["q"], int(position["side"]), position["equity_c"]
        account = funded.fund(trader, 5 * int(q) * SCALE, sub)
        funded.trade(account, BTC, int(q) * side)
        surplus = funded.health(account)[0] - wad(equity * SCALE)
        tokens = surplus // 10**12
        funded.core.transact("withdraw", account, COLLATERAL, tokens, trader, sender=trader)
        assert near(funded.health(account)[0], equity * SCALE, Decimal("0.00001"))
        expected = published["expected"][name]
        slack = tolerance * q * SCALE
        if expected == 0:
            # at a price of next to nothing it still owns something
            funded.move(BTC, Decimal("0.000001"))
            assert funded.health(account)[0] >= wad((equity - q) * SCALE - slack) > 0
        else:
            funded.move(BTC, int(expected * SCALE * 10**6) / Decimal(10**6))
            assert near(funded.health(account)[0], Decimal(0), slack)
        funded.chain.restore(checkpoint)
        funded.prices, funded.nonces = prices, nonces
        for signer in funded.signers.quorum:
            signer.signed.clear()


def test_price_of_a_slice_and_what_it_leaves_unpaid(case: Any) -> None:
    """The quote's linear part is the case's impact: depth K = p / alpha, no spread."""
    published, positions = case("LIQ-EXEC-BADDEBT"), case("LIQ-BANKRUPTCY")["inputs"]["positions"]
    tolerance = published["tolerance"]
    for inputs, expected in zip(published["inputs"]["slices"], published["expected"], strict=True):
        position = positions[inputs["pos"]]
        mark, part = wad(inputs["p"]), wad(inputs["dq"])
        close = -part if position["side"] > 0 else part
        depth = wad(inputs["p"] / published["inputs"]["alpha"])
        price = quote.price(close, 0, mark, depth, PPM, 0)
        assert near(price, expected["p_exec"], tolerance)
        # an account of this slice alone: its share of the equity, all of it closed at the quote
        equity = int(Fraction(position["equity_c"] / position["q"]) * part)
        cash = equity + close * mark // WAD
        left = cash - cost_up(Fill(0, 0, 0, close, price, 0))
        assert near(max(0, -left), expected["bad_debt"], tolerance)
        at_bankruptcy = equity - close * (wad(expected["p_bk"]) - mark) // WAD
        assert near(at_bankruptcy, Decimal(0), tolerance * inputs["dq"])


def sliced(inputs: dict[str, Decimal], q: Decimal, equity: Decimal) -> int:
    """What the Liquidator takes of such a position: its own code, over a ledger of one account."""
    held = wad(q) * int(inputs["side"])
    mark, price = wad(inputs["p"]), wad(inputs["p_exec"])
    maintenance = int(inputs["mu"] * PPM)
    notional = wad(q * inputs["p"])
    core = SimpleNamespace(
        positions={(1, BTC): Position(size=held)},
        size_of=lambda account, instrument: held,
        interest={BTC: Interest()},
        health=lambda account: (
            wad(equity),
            0,
            notional * maintenance // PPM,
            notional,
        ),
        risk={BTC: Risk(scale=10**12, initial_shock=maintenance, maintenance_shock=maintenance)},
        limits={BTC: Limits(penalty=int(inputs["fee_bps"]) * 100)},
        trade={BTC: Trade()},
    )
    oracle = SimpleNamespace(
        latest=lambda feed, now: (mark, True), feeds={1: SimpleNamespace(volatility=0)}
    )
    vault = SimpleNamespace(quote=lambda *_: price)
    host = SimpleNamespace(now=0)
    # a bucket that never binds, and the case's own price in the quote's place
    terms = (0, 0, 10**6, 60, 300)
    liquidator = Liquidator(host, 9, core, oracle, vault, *terms)  # type: ignore[arg-type]
    liquidator._quote = lambda *_: price  # type: ignore[method-assign]
    return abs(liquidator.slice_of(1, BTC).size)


def test_the_least_slice_that_restores_maintenance(case: Any) -> None:
    published = case("LIQ-MIN-SLICE")
    inputs, expected, tolerance = (
        published["inputs"],
        published["expected"],
        published["tolerance"],
    )
    assert near(sliced(inputs, inputs["q"], inputs["e"]), expected["dq"], tolerance)
    # twenty times the position with as much missing: the cap is out of the way
    more = 19 * inputs["q"]
    equity = inputs["e"] + inputs["mu"] * inputs["p"] * more
    found = sliced(inputs, inputs["q"] + more, equity)
    assert near(found, expected["dq_uncapped"], tolerance)


# Margin


def test_shock_and_contingency_of_a_future(case: Any) -> None:
    """The future's own price is the mark; the index is what the contingency is of."""
    published = case("PM-DEDERI")
    inputs, expected, tolerance = (
        published["inputs"],
        published["expected"],
        published["tolerance"],
    )
    size, mark = wad(inputs["qty"]), wad(expected["F0"])
    for shock, profit in zip(inputs["shocks"], expected["sim_pnl"], strict=True):
        loss = margin.shock_up(size * mark, int(abs(shock) * PPM))
        assert near(loss, abs(profit), tolerance)
    index = wad(inputs.get("index", expected["F0"]))
    risk = Risk(
        scale=10**18,
        contingency=int(inputs["future_contingency_factor"] * PPM),
        maintenance_shock=PPM,
        initial_shock=PPM,
    )
    found = margin.contingency_up(size, index, risk)
    assert near(found, expected["future_contingency"], tolerance)


# Funding


@pytest.mark.parametrize("size", [WAD, -WAD, 7 * WAD // 3])
def test_a_position_is_charged_the_published_rates(case: Any, size: int) -> None:
    """Interval by interval at its rate and its price: exactly the sum, a wei by rounding."""
    rates = case("FUND-HL-2023")["expected"]
    hour, price = 3600, 27_000 * WAD
    risk = Risk(scale=1, max_rate=PPM, max_velocity=0, calm_skew=0, half_life=1)
    indices, interest = Indices(0, 0), Interest(long_side=WAD)
    owed = Fraction(0)
    for number, rate in enumerate(rates):
        daily = int(rate * (DAY // hour) * 10**15)
        carry = Carry(0, daily, price + number * WAD)
        owed += Fraction(size, WAD) * Fraction(rate) * carry.price
        indices, interest, _ = accrued(
            indices, interest, carry, risk, carry.price, interest.time + hour
        )
    due = due_up(size, indices.long, 0)
    assert owed <= due < owed + 1
