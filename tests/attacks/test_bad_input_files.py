"""Price files and options that are wrong: one line says where and why, and nothing is written."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tidegate.cli import main
from tidegate.deployment import DeploymentError, load_config
from tidegate.simulation import paths

HEADER = "timestamp,open,high,low,close\n"
ONE = "2025-01-01T00:00:00Z,100,110,95,105\n"
TWO = "2025-01-01T00:05:00Z,105,106,101,102\n"
GOOD = HEADER + ONE + TWO
NEXT = "2025-01-01T00:10:00Z,"

FILES = {
    "empty": ("", "MissingColumn"),
    "blank lines": ("\n\n\n", "MissingColumn"),
    "no header": (ONE + TWO, "MissingColumn"),
    "wrong header": ("time,o,h,l,c\n" + ONE, "MissingColumn"),
    "header without close": ("timestamp,open,high,low\n", "MissingColumn"),
    "header only": (HEADER, "TooFewBars"),
    "one bar": (HEADER + ONE, "TooFewBars"),
    "header twice": (HEADER + HEADER + ONE, "BadTimestamp"),
    "semicolons": (GOOD.replace(",", ";"), "MissingColumn"),
    "too few fields": (GOOD + NEXT + "1,2,3\n", "MissingColumn"),
    "too many fields": (GOOD + NEXT + "1,1,1,1,1\n", "MissingColumn"),
    "thousands": (GOOD + NEXT + "60,000,60,000,60,000,60,000\n", "MissingColumn"),
    "open quote": (GOOD + NEXT + '"1,1,1,1\n', "MissingColumn"),
    "no price": (GOOD + NEXT + ",,,\n", "BadPrice"),
    "a word": (GOOD + NEXT + "1,1,1,high\n", "BadPrice"),
    "NaN": (GOOD + NEXT + "NaN,NaN,NaN,NaN\n", "BadPrice"),
    "signalling NaN": (GOOD + NEXT + "1,1,1,sNaN\n", "BadPrice"),
    "infinite": (GOOD + NEXT + "1,Infinity,1,1\n", "BadPrice"),
    "zero": (GOOD + NEXT + "0,0,0,0\n", "BadPrice"),
    "negative": (GOOD + NEXT + "-1,-1,-1,-1\n", "BadPrice"),
    "too large": (GOOD + NEXT + "1,1000000001,1,1\n", "BadPrice"),
    "far too large": (GOOD + NEXT + "1,1e400,1,1\n", "BadPrice"),
    "far too small": (GOOD + NEXT + "1,1,1e-19,1\n", "BadPrice"),
    "hexadecimal": (GOOD + NEXT + "1,0x10,1,1\n", "BadPrice"),
    "underscores": (GOOD + NEXT + "1_00,1_00,1_00,1_00\n", "BadPrice"),
    "high under low": (GOOD + NEXT + "100,99,101,100\n", "BadBar"),
    "close outside": (GOOD + NEXT + "100,101,99,102\n", "BadBar"),
    "unsorted": (HEADER + TWO + ONE, "BadTimestamp"),
    "twice the same time": (HEADER + ONE + ONE, "BadTimestamp"),
    "no zone": (HEADER + ONE + TWO.replace("Z", ""), "BadTimestamp"),
    "seconds since 1970": (
        HEADER + ONE + TWO.replace("2025-01-01T00:05:00Z", "1735689900"),
        "BadTimestamp",
    ),
    "no such day": (HEADER + ONE + TWO.replace("01-01", "02-30"), "BadTimestamp"),
    "half a second": (HEADER + ONE + TWO.replace(":00Z", ":00.5Z"), "BadTimestamp"),
    "irregular": (GOOD + "2025-01-01T00:11:00Z,1,1,1,1\n", "IrregularBars"),
    "a field of a megabyte": (GOOD + NEXT + "1" * 2**20 + ",1,1,1\n", "NotReadable"),
    "zero bytes": (GOOD + NEXT + "1\0,1,1,1\n", "BadPrice"),
}


def write(folder: Path, text: str | bytes, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("case", FILES)
def test_a_malformed_file_is_refused_by_name(tmp_path: Path, case: str):
    text, error = FILES[case]
    path = write(tmp_path, text)
    with pytest.raises(paths.PathError) as caught:
        paths.read_csv(path)
    assert type(caught.value).__name__ == error
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("content", [b"\xff\xfe\0t\0i\0m\0e", b"\x89PNG\r\n\x1a\n\0\0\0", b"\x80"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(paths.NotReadable):
        paths.read_csv(write(tmp_path, content))


def test_what_is_no_file_is_refused(tmp_path: Path):
    with pytest.raises(paths.NotReadable):
        paths.read_csv(tmp_path)
    with pytest.raises(paths.NotReadable):
        paths.read_csv(tmp_path / "missing.csv")


def test_a_long_file_is_refused_for_its_last_line(tmp_path: Path):
    rows = [
        f"2025-01-{day:02}T{hour:02}:{minute:02}:00Z,1,1,1,1\n"
        for day in range(1, 29)
        for hour in range(24)
        for minute in range(0, 60, 5)
    ]
    path = write(tmp_path, HEADER + "".join(rows) + "2025-02-01T00:00:00Z,1,1,1,-1\n")
    with pytest.raises(paths.BadPrice, match=f":{len(rows) + 2}: '-1'"):
        paths.read_csv(path)


def test_files_without_a_common_bar_are_refused(tmp_path: Path):
    one = write(tmp_path, GOOD, "one.csv")
    other = write(tmp_path, GOOD.replace("2025", "2024"), "other.csv")
    with pytest.raises(paths.TooFewBars):
        paths.read_markets({"BTC-PERP": one, "ETH-PERP": other}, None, None)


OPTIONS = [
    (["--prices", "BTC-PERP"], "is not MARKET=FILE.csv"),
    (["--prices", "=x.csv"], "must name BTC-PERP and ETH-PERP"),
    (["--prices", "BTC-PERP="], "is not MARKET=FILE.csv"),
    (["--prices", "DOGE-PERP={good}"], "must name BTC-PERP and ETH-PERP"),
    (["--prices", "BTC-PERP={bad}", "--prices", "ETH-PERP={good}"], "is not a price between"),
    (["--prices", "BTC-PERP={good}", "--prices", "BTC-PERP={good}"], "is named twice"),
    (["--prices", "BTC-PERP={missing}", "--prices", "ETH-PERP={good}"], "missing.csv"),
    (["--start", "yesterday"], "is not an ISO 8601 time"),
    (["--start", "2025-13-01"], "is not an ISO 8601 time"),
    (["--traders", "0"], "not in the range"),
    (["--traders", "1001"], "not in the range"),
    (["--traders", "many"], "not a valid integer"),
    (["--bars", "5"], "not in the range"),
    (["--bars", "-1"], "not in the range"),
    (["--seed", "one"], "not a valid integer"),
    (["--seed", "-1"], "--seed"),
    (["--chain", "mainnet"], "is not one of"),
    (["--no-such-option"], "No such option"),
]


@pytest.mark.parametrize(("options", "reason"), OPTIONS)
def test_wrong_options_end_with_one_line_and_write_nothing(
    tmp_path: Path, monkeypatch, options: list[str], reason: str
):
    names = {
        "good": write(tmp_path, GOOD, "good.csv"),
        "bad": write(tmp_path, GOOD + NEXT + "1,1,1,-1\n", "bad.csv"),
        "missing": tmp_path / "missing.csv",
    }
    out = tmp_path / "out"
    monkeypatch.chdir(tmp_path)
    arguments = [option.format(**names) for option in options]
    result = CliRunner().invoke(main, ["demo", "--chain", "embedded", *arguments])
    assert result.exit_code not in (0, None)
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert reason in " ".join(result.output.split())
    assert not out.exists()


MARKET = """
[[markets]]
name = "A-PERP"
underlying = 1
opening_price = "{price}"
depth = "{depth}"
soft_cap = "10"
hard_cap = "20"
"""
CONFIGURATIONS = [
    ("= broken", "Invalid statement"),
    ("nonsense = 1", "nonsense is no setting"),
    ('delay = "soon"', "delay = 'soon'"),
    ("delay = -1", "delay = -1"),
    ("delay = 1.5", "delay = '1.5'"),
    ("delay = true", "delay = True"),
    ('signers = "0x00"', "signers = '0x00'"),
    ('lapse_ratio = "many"', "lapse_ratio = 'many'"),
    ('lapse_ratio = "-0.1"', "lapse_ratio = '-0.1'"),
    ('lapse_ratio = "NaN"', "lapse_ratio = 'NaN'"),
    ("[token]\ndecimal = 6", "decimal is no setting"),
    ('[token]\ndecimals = "six"', "decimals = 'six'"),
    ('[token]\nescrow_cap = "-5"', "escrow_cap = '-5'"),
    ('[[markets]]\nname = "A-PERP"', "missing 5 required"),
    (MARKET.format(price="NaN", depth="1"), "opening_price = 'NaN'"),
    (MARKET.format(price="1", depth="-1"), "depth = '-1'"),
    (MARKET.format(price="1", depth="1e40"), "does not fit uint64"),
    (MARKET.format(price="1", depth="1") + 'inital_shock = "0.1"', "inital_shock is no term"),
    (MARKET.format(price="1", depth="1") + "[markets.quote]\nspread = 1", "spread is no setting"),
]


@pytest.mark.parametrize(("text", "reason"), CONFIGURATIONS)
def test_a_malformed_configuration_is_refused_by_name(tmp_path: Path, text: str, reason: str):
    path = write(tmp_path, text, "config.toml")
    with pytest.raises(DeploymentError) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))
    assert reason in str(caught.value)


def test_a_configuration_that_says_nothing_wrong_is_taken(tmp_path: Path):
    text = "delay = 60\nlapse_ratio = 0.002\nthreshold = 3\n[token]\noutflow_share = 1\n"
    text += MARKET.format(price="1.5", depth="1") + 'initial_shock = "0.1"\n'
    text += '[markets.quote]\nmax_premium = "0.01"\n'
    config = load_config(write(tmp_path, text, "config.toml"))
    assert (config.delay, config.lapse_ratio, config.token.outflow_share) == (60, "0.002", 1)
    [market] = config.markets
    assert (market.name, market.risk.initial_shock) == ("A-PERP", 100_000)
