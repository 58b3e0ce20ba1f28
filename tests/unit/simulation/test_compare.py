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
        "auctions": 0,
        "bids": 0,
        "takeovers": 0,
        "shared": 0,
        "levels": {},
        "bidders": 0.0,
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
    lines = dict(compare_report.lines(rows, "generated", ["no dampers", "absent"]))
    assert lines["low of BTC beyond the recorded one, %"] == "-11.00 (-20.00 to -2.00)"
    assert lines["accounts liquidated"] == "3"  # the same for all: no range
    assert lines["deficit, % of deposits"] == "0.00"  # never minus zero


def test_the_markdown_has_settings_side_by_side():
    text = compare_report.markdown([row(), row("bucket")], "generated", ["no dampers", "bucket"])
    lines = text.splitlines()
    assert len(lines) == 2 + len(compare_report.COLUMNS)
    assert {line.count("|") for line in lines} == {4}


def test_rows_survive_the_file_and_a_broken_line_is_left_out(tmp_path):
    rows, file = [row(), row("bucket", 2)], tmp_path / "rows.jsonl"
    assert compare_report.read(file) == []
    for one in rows:
        compare_report.append(one, file)
    assert compare_report.read(file) == rows
    file.write_text(file.read_text() + '{"crash": "20')
    assert compare_report.read(file) == rows


def test_a_comparison_goes_on_where_it_was_broken_off(tmp_path, monkeypatch):
    from rich.console import Console

    monkeypatch.delenv(compare.DATA, raising=False)
    done, file = [], tmp_path / "rows.jsonl"

    def runs(todo, processes):
        for task in todo:
            done.append((task.setting.name, task.seed))
            yield row(task.setting.name, task.seed)

    monkeypatch.setattr(command.compare, "run_all", runs)
    compare_report.append(row("bucket", 1), file)
    options = command.Options(seeds=2, report=file, resume=True)
    rows = command.run(options, Console(quiet=True))
    assert ("bucket", 1) not in done
    assert len(done) == 2 * len(compare.SETTINGS) - 1
    assert len(rows) == len(compare_report.read(file)) == 2 * len(compare.SETTINGS)
    assert [one.setting for one in rows[:6]] == [one.name for one in compare.SETTINGS]


def test_a_picture_is_drawn(tmp_path):
    from tidegate.simulation.compare_picture import draw

    rows = [row(seed=seed, low=-0.01 * seed) for seed in (1, 2)]
    recorded = {("generated", seed): [1.0, 0.9] for seed in (1, 2)}
    draw(rows, recorded, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
