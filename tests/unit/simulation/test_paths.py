from decimal import Decimal
from itertools import pairwise

import pytest

from tidegate.simulation import paths
from tidegate.simulation.paths import Bar, Replay

HEADER = "timestamp,open,high,low,close,volume\n"
GOOD = (
    "2025-01-01T00:00:00Z,100,110,95,105,1\n"
    "2025-01-01T00:05:00Z,105,106,101,102,1\n"
    "2025-01-01T00:10:00Z,102,103,99,100,1\n"
)
START = 1735689600


def write(folder, text, name="prices.csv"):
    path = folder / name
    path.write_text(text)
    return path


def flat(start, count, price="100", seconds=300):
    level = Decimal(price)
    return tuple(Bar(start + n * seconds, level, level, level, level) for n in range(count))


def test_read_csv_reads_every_row(tmp_path):
    bars = paths.read_csv(write(tmp_path, HEADER + GOOD))
    assert bars[0] == Bar(START, Decimal(100), Decimal(110), Decimal(95), Decimal(105))
    assert [bar.time - START for bar in bars] == [0, 300, 600]


def test_read_csv_takes_columns_in_any_order(tmp_path):
    text = "close,low,high,open,Timestamp\n105,95,110,100,2025-01-01T00:00:00+00:00\n" * 1
    text += "105,95,110,100,2025-01-01T01:05:00+01:00\n"
    bars = paths.read_csv(write(tmp_path, text))
    assert [bar.time - START for bar in bars] == [0, 300]
    assert bars[0].prices == (Decimal(100), Decimal(110), Decimal(95), Decimal(105))


@pytest.mark.parametrize(
    ("row", "error", "where"),
    [
        ("2025-01-01T00:10:00Z,102,103,99,100,1", paths.BadTimestamp, "is not after"),
        ("yesterday,102,103,99,100,1", paths.BadTimestamp, "ISO 8601"),
        ("2025-01-01T00:15:00,102,103,99,100,1", paths.BadTimestamp, "no time zone"),
        ("2025-01-01T00:15:00.5Z,102,103,99,100,1", paths.BadTimestamp, "whole second"),
        ("2025-01-01T00:15:00Z,102,103,99,abc,1", paths.BadPrice, "not a number"),
        ("2025-01-01T00:15:00Z,102,103,0,100,1", paths.BadPrice, "between 0"),
        ("2025-01-01T00:15:00Z,102,NaN,99,100,1", paths.BadPrice, "between 0"),
        ("2025-01-01T00:15:00Z,102,Infinity,99,100,1", paths.BadPrice, "between 0"),
        ("2025-01-01T00:15:00Z,102,-103,99,100,1", paths.BadPrice, "between 0"),
        ("2025-01-01T00:15:00Z,102,103,99,104,1", paths.BadBar, "between low and high"),
        ("2025-01-01T00:15:00Z,98,103,99,100,1", paths.BadBar, "between low and high"),
        ("2025-01-01T00:15:00Z,102,103,99", paths.MissingColumn, "4 fields"),
    ],
)
def test_read_csv_names_the_bad_row(tmp_path, row, error, where):
    path = write(tmp_path, HEADER + GOOD + row + "\n")
    with pytest.raises(error, match=where) as caught:
        paths.read_csv(path)
    assert f"{path}:5" in str(caught.value)


def test_read_csv_refuses_irregular_bars(tmp_path):
    row = "2025-01-01T00:17:00Z,102,103,99,100,1\n"
    with pytest.raises(paths.IrregularBars, match="420 s"):
        paths.read_csv(write(tmp_path, HEADER + GOOD + row))


def test_read_csv_lets_whole_bars_be_missing(tmp_path):
    row = "2025-01-01T00:30:00Z,102,103,99,100,1\n"
    assert len(paths.read_csv(write(tmp_path, HEADER + GOOD + row))) == 4


def test_read_csv_names_the_missing_column(tmp_path):
    with pytest.raises(paths.MissingColumn, match="no column low"):
        paths.read_csv(write(tmp_path, "timestamp,open,high,close\n"))


def test_read_csv_without_a_file(tmp_path):
    with pytest.raises(paths.NotReadable, match="missing"):
        paths.read_csv(tmp_path / "missing.csv")


def test_read_csv_with_one_bar(tmp_path):
    with pytest.raises(paths.TooFewBars):
        paths.read_csv(write(tmp_path, HEADER + GOOD.splitlines()[0] + "\n"))


def test_read_markets_keeps_common_bars_in_the_time_chosen(tmp_path):
    one = write(tmp_path, HEADER + GOOD, "a.csv")
    rows = GOOD.splitlines(keepends=True)
    later = "2025-01-01T00:15:00Z,102,103,99,100,1\n"
    other = write(tmp_path, HEADER + rows[0] + rows[1] + rows[2] + later, "b.csv")
    files = {"BTC-PERP": one, "ETH-PERP": other}
    replay = paths.read_markets(files, START + 300, None)
    assert replay.times == [START + 300, START + 600]
    assert replay.seconds == 300
    with pytest.raises(paths.TooFewBars):
        paths.read_markets(files, START, START + 300)


def test_read_markets_refuses_bars_of_different_length(tmp_path):
    one = write(tmp_path, HEADER + GOOD, "a.csv")
    minute = GOOD.replace("00:05:00", "00:01:00").replace("00:10:00", "00:02:00")
    other = write(tmp_path, HEADER + minute, "b.csv")
    with pytest.raises(paths.IrregularBars, match="different length"):
        paths.read_markets({"BTC-PERP": one, "ETH-PERP": other}, None, None)


def test_generate_is_the_same_for_a_seed_and_not_for_another():
    assert paths.generate(1) == paths.generate(1)
    assert paths.generate(1) != paths.generate(2)


@pytest.mark.parametrize("seed", range(5))
def test_generate_is_whole_bars_that_join_and_crash(seed):
    replay = paths.generate(seed)
    assert replay.markets == ("BTC-PERP", "ETH-PERP")
    assert len(replay) >= 300
    for bars in replay.bars.values():
        for bar in bars:
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert all(after.open == before.close for before, after in pairwise(bars))
        assert all(after.time - before.time == 300 for before, after in pairwise(bars))
        before = bars[int(len(bars) * paths.CRASH_AT)].open
        crash = bars[int(len(bars) * paths.CRASH_AT) :]
        assert min(bar.low for bar in crash[:40]) < before * Decimal("0.85")


def test_generate_prices_are_whole_ticks():
    for name, bars in paths.generate(3).bars.items():
        tick = paths.MARKETS[name].tick
        assert all(price % tick == 0 for bar in bars for price in bar.prices)


def test_points_show_open_both_extremes_and_close():
    bar = Bar(START, Decimal(100), Decimal(110), Decimal(90), Decimal(105))
    replay = Replay(300, {"BTC-PERP": (bar,)})
    seen = set()
    for seed in range(20):
        made = list(paths.points(replay, seed))
        assert [point.time - START for point in made] == [0, 75, 150, 225]
        seen.add(tuple(point.prices["BTC-PERP"] for point in made))
    up = (Decimal(100), Decimal(110), Decimal(90), Decimal(105))
    down = (Decimal(100), Decimal(90), Decimal(110), Decimal(105))
    assert seen == {up, down}


def test_gap_lowers_everything_behind_it_and_marks_the_jump():
    replay = Replay(300, {"BTC-PERP": flat(START, 4)})
    gapped = paths.with_gap(replay, 2, Decimal("0.3"))
    assert [bar.close for bar in gapped.bars["BTC-PERP"]] == [100, 100, 70, 70]
    jumps = [(point.bar, point.time) for point in paths.points(gapped, 0) if point.jump]
    assert jumps == [(2, START + 600)]


@pytest.mark.parametrize("at", [0, 4])
def test_gap_outside_the_path(at):
    with pytest.raises(paths.TooFewBars):
        paths.with_gap(Replay(300, {"BTC-PERP": flat(START, 4)}), at, Decimal("0.3"))


def test_parse_time_is_utc_unless_it_says_otherwise():
    assert paths.parse_time("2025-01-01") == START
    assert paths.parse_time("2025-01-01T01:00:00+01:00") == START
    with pytest.raises(paths.BadTimestamp):
        paths.parse_time("tomorrow")
