"""Figures from hand-made events; the JSON's money is decimal strings."""

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest

from tidegate.abi import Event
from tidegate.picture import draw
from tidegate.report import Figures, Report, figures, markdown
from tidegate.simulation.scenario import Record, Sample, Slice

WAD = 10**18
VAULT = 5
KEEPER = 7 << 96
DEFICITS = 9 << 96 | 2 << 32
TRADER = 1 << 96
POOL = VAULT << 96 | 1 << 64


def event(name, **args):
    return Event("X", "0x0", name, SimpleNamespace(**args))


def filled(size, price, fee, taker_due=0, maker_due=0):
    return event(
        "Filled",
        taker=TRADER,
        maker=POOL,
        size=size * WAD,
        price=price * WAD,
        fee=fee * WAD,
        taker_due=taker_due * WAD,
        maker_due=maker_due * WAD,
    )


def moved(source, target, amount):
    return event("Moved", source=source, target=target, amount=amount * WAD)


def sliced(size, price, penalty, reward, whole):
    return event(
        "Sliced",
        account=TRADER,
        size=size * WAD,
        price=price * WAD,
        penalty=penalty * WAD,
        reward=reward * WAD,
        whole=whole,
    )


def test_figures():
    events = [
        filled(2, 100, 1, taker_due=3, maker_due=-3),
        filled(-1, 90, 4, taker_due=-2, maker_due=50),
        sliced(-1, 90, 4, 2, False),
        moved(POOL, KEEPER, 2),
        moved(TRADER, KEEPER, 1),
        moved(TRADER, POOL, 1000),
        moved(DEFICITS, TRADER, 30),
        moved(POOL, DEFICITS, 10),
        event("Ended", reason=bytes(4), lapse_fee=0),
        event("Ended", reason=bytes.fromhex("deadbeef"), lapse_fee=6 * WAD),
    ]
    made = figures(events, KEEPER, VAULT, DEFICITS)
    assert made == Figures(
        fills=1,
        volume=Decimal(290),
        orders_ended={"Unknown": 1, "cancelled": 1},
        liquidations=1,
        liquidated_whole=0,
        liquidated_partial=1,
        liquidated_accounts=1,
        liquidated_notional=Decimal(90),
        funding_paid=Decimal(3),
        funding_received=Decimal(2),
        trading_fees=Decimal(1),
        penalties=Decimal(4),
        lapse_fees=Decimal(6),
        keeper_order_fees=Decimal(1),
        keeper_rewards=Decimal(2),
        deficit=Decimal(30),
        deficit_repaid=Decimal(10),
    )
    assert made.keeper_income == 3
    assert made.deficit_left == 20


@pytest.fixture
def report():
    samples = [
        Sample(
            1_700_000_000 + 300 * number,
            {"BTC-PERP": Decimal(100 - number)},
            {"BTC-PERP": Decimal(98 - number)},
            {"BTC-PERP": Decimal(103 - number)},
            {"BTC-PERP": Decimal(5)},
            {"BTC-PERP": Decimal(2)},
            Decimal("1.01"),
        )
        for number in range(4)
    ]
    record = Record(
        samples=samples,
        slices=[
            Slice(1_700_000_310, TRADER, "BTC-PERP", Decimal(-1), Decimal(99), False),
            Slice(1_700_000_899, TRADER, "BTC-PERP", Decimal(-1), Decimal(98), True),
        ],
        refused=Counter({"StalePrice": 1}),
        lows={"BTC-PERP": Decimal(95)},
        highs={"BTC-PERP": Decimal(103)},
        provider_start=Decimal(1000),
    )
    return Report(
        chain="test",
        source="hand",
        seed=1,
        traders=1,
        seconds=Decimal("1.5"),
        record=record,
        figures=Figures(orders_ended={"TooLate": 2}, deficit=Decimal("0.000000000000000001")),
        laws={"position_sum_zero": True, "cash_conserved": False},
        gas={"place": 90_000},
        provider_value=Decimal(900),
        provider_paid=Decimal(150),
    )


def test_provider_result_is_what_they_have_and_got_less_what_they_gave(report):
    assert report.provider_result == 50


def test_a_broken_law_is_told(report):
    assert not report.holds
    assert "`cash_conserved` **broken**" in markdown(report)
    assert "`position_sum_zero` holds" in markdown(report)


def test_json_has_money_as_decimal_strings_and_counts_as_integers(report, tmp_path):
    report.write(tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["deficit"] == "0.000000000000000001"
    assert told["laws"] == {"position_sum_zero": True, "cash_conserved": False}
    assert told["gas"] == {"place": 90_000}
    assert told["fills"] == 0
    assert told["prices"]["BTC-PERP"] == {"first": "100", "low": "95", "high": "103", "last": "97"}
    assert told["orders_refused"] == {"StalePrice": 1}
    assert told["funding_paid"] == "0"


@pytest.mark.parametrize("bars", [1, 4])
def test_picture_without_liquidations(report, tmp_path, bars):
    record = replace(report.record, slices=[], samples=report.record.samples[:bars])
    draw(replace(report, record=record), tmp_path / "run.png")
    assert (tmp_path / "run.png").stat().st_size > 10_000


def test_picture_is_a_png(report, tmp_path):
    draw(report, tmp_path / "run.png")
    assert (tmp_path / "run.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
