import pytest

from tidegate import compare as command
from tidegate.simulation import compare, compare_report
from tidegate.simulation.compare import BTC, CRASHES, ETH, GENERATED, Row, tasks
from tidegate.simulation.paths import PathError


def row(setting="no dampers", seed=1, low=-0.02, **changes):
    fields = {
        "crash": "generated",
        "setting": setting,
        "seed": seed,
        "seconds": 1.0,
        "accounts": 10,
        "liquidated": 3,
        "slices": 5,
        "extra_low": {BTC: low, ETH: low / 2},
        "ends": {BTC: 0.99, ETH: 0.98},
        "liquidated_notional": 0.25,
        "cost": 0.01,
        "deficit": 0.0,
        "borne": {},
        "provider": -0.001,
        "vault": 0.002,
        "minutes": 12.0,
        "broken": [],
        "shrunk": 0,
        "held_back": 0,
        "topped_up": 1,
        "reduced": 1,
        "refused": {},
        "prices": {BTC: [1.0, 0.8], ETH: [1.0, 0.7]},
    }
    return Row(**{**fields, **changes})


def test_every_crash_meets_every_setting_with_every_seed():
    made = tasks(CRASHES, compare.SETTINGS, 3, 500, None)
    assert len(made) == len(CRASHES) * len(compare.SETTINGS) * 3
    assert len({(one.crash.name, one.setting.name, one.seed) for one in made}) == len(made)


def test_settings_have_names_of_their_own():
    names = [one.name for group in command.GROUPS.values() for one in group]
    assert len(set(names)) == len(names)


def test_recorded_crashes_need_the_folder():
    with pytest.raises(PathError, match="TIDEGATE_MARKET_DATA"):
        CRASHES[0].replay(None)
    assert len(GENERATED.replay(None)) == compare.GENERATED_BARS


def test_without_data_the_generated_crash_is_compared_and_that_is_said(monkeypatch, capsys):
    from rich.console import Console

    monkeypatch.delenv(compare.DATA, raising=False)
    assert command.crashes(Console(width=200)) == ((GENERATED,), None)
    assert "TIDEGATE_MARKET_DATA names no folder" in capsys.readouterr().out


def test_a_folder_without_the_files_is_an_error_that_names_them(monkeypatch, tmp_path):
    from rich.console import Console

    monkeypatch.setenv(compare.DATA, str(tmp_path))
    with pytest.raises(PathError, match=r"btcusdt_perp_5m_2025-10-05_15\.csv"):
        command.crashes(Console())


def test_a_cell_is_the_median_and_the_range():
    rows = [row(seed=seed, low=-0.01 * seed) for seed in range(1, 22)]
    [line] = compare_report.lines(rows, "generated", ["no dampers", "absent"])
    assert line[0] == "no dampers"
    assert line[1] == "-11.00 (-20.00 to -2.00)"
    assert line[3] == "3"  # the same for all: no range
    assert line[6] == "0.00"  # never minus zero


def test_the_markdown_has_a_column_per_figure():
    text = compare_report.markdown([row(), row("bucket")], "generated", ["no dampers", "bucket"])
    lines = text.splitlines()
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {len(compare_report.COLUMNS) + 2}


def test_rows_survive_the_file(tmp_path):
    rows = [row(), row("bucket", 2)]
    compare_report.write(rows, tmp_path / "rows.json")
    assert compare_report.read(tmp_path / "rows.json") == rows


def test_a_picture_is_drawn(tmp_path):
    from tidegate.simulation.compare_picture import draw

    rows = [row(seed=seed, low=-0.01 * seed) for seed in (1, 2)]
    draw(rows, {"generated": [1.0, 0.9]}, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
