"""What the commands refuse before they start, in one line."""

import json
import time

import pytest
from click.testing import CliRunner
from eth_account import Account

from tests.unit.prices.test_config import BARS, START
from tidegate.cli import main
from tidegate.prices.keys import KEY

KEYS = [Account.from_key("0x" + f"{number:02x}" * 32) for number in range(1, 5)]
ORACLE = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


class Desk:
    """A network and a feed in a folder, and the command."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.network = folder / "mine.toml"
        self.write(3, 1)
        (folder / "bars.csv").write_text(BARS)
        self.feed = folder / "feed.toml"
        source = '[[sources]]\nkind = "csv"\npath = "bars.csv"\n'
        self.feed.write_text(f'feed = 1\ntolerance = "0.002"\nminimum = 1\n{source}')

    def write(self, threshold: int, faulty: int) -> None:
        signers = ", ".join(f'"{key.address}"' for key in KEYS)
        self.network.write_text(
            f"signers = [{signers}]\nthreshold = {threshold}\nfaulty = {faulty}\n"
            '[network]\nchain_id = 84532\nrpc = "http://127.0.0.1:9"\nconfirmations = 1\n'
        )

    def refuses(self, action: str, *options: str, **environment: str) -> str:
        arguments = ["--network", str(self.network), "--feed", str(self.feed)]
        arguments += ["--manifests", str(self.folder), *options]
        done = CliRunner().invoke(main, ["prices", action, *arguments], env=environment)
        assert done.exit_code in (1, 2), done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.output


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    monkeypatch.delenv(KEY, raising=False)
    return Desk(tmp_path)


def secret(key) -> str:
    return key.key.hex()


def test_a_signer_without_a_key_or_a_seat(desk):
    assert "no key: give --keystore FILE" in desk.refuses("sign", "--oracle", ORACLE)
    stranger = Account.from_key("0x" + "99" * 32)
    said = desk.refuses("sign", "--oracle", ORACLE, **{KEY: secret(stranger)})
    assert f"{stranger.address} is no signer of mine" in said


def test_an_oracle_that_nobody_named(desk):
    environment = {KEY: secret(KEYS[0])}
    assert "deploy first, or name the --oracle" in desk.refuses("sign", **environment)
    assert "--oracle 0x5 is no address" in desk.refuses("sign", "--oracle", "0x5", **environment)
    (desk.folder / "84532.json").write_text(json.dumps({"contracts": {}, "version": 1}))
    assert "Error:" in desk.refuses("sign", **environment)


def test_a_panel_that_is_none(desk):
    desk.write(2, 1)
    said = desk.refuses("sign", "--oracle", ORACLE, **{KEY: secret(KEYS[0])})
    assert "two quorums share nobody honest" in said


def test_a_feed_that_cannot_be_read(desk):
    desk.feed.write_text("feed = 1")
    said = desk.refuses("sign", "--oracle", ORACLE, **{KEY: secret(KEYS[0])})
    assert "'tolerance' is missing" in said


def test_a_store_that_is_another_s(desk):
    store = desk.folder / "store.db"
    store.write_bytes(b"no database at all" * 100)
    options = ["--oracle", ORACLE, "--store", str(store)]
    assert "is damaged" in desk.refuses("sign", *options, **{KEY: secret(KEYS[0])})


@pytest.mark.parametrize(
    ("signers", "text"),
    [
        (["x=http://a"], "is not ADDRESS=URL"),
        ([f"{KEYS[0].address}=ftp://a"], "begins with neither http nor https"),
        ([f"{ORACLE}=http://a"], f"{ORACLE} is no signer of mine"),
        ([f"{key.address}=http://a" for key in KEYS[:2]], "2 signers have a URL, 3 must sign"),
    ],
)
def test_signers_that_an_aggregator_cannot_ask(desk, signers, text):
    options = [part for signer in signers for part in ("--signer", signer)]
    assert text in desk.refuses("aggregate", "--oracle", ORACLE, *options)


def test_where_nobody_can_listen(desk):
    assert "is not HOST:PORT" in desk.refuses("sign", "--oracle", ORACLE, "--listen", "9301")


def test_check_says_what_each_source_answered(desk):
    done = CliRunner().invoke(main, ["prices", "check", str(desk.feed)])
    assert done.exit_code == 1
    assert "feed 1: 0 of 0 sources agree\n    bars.csv: replay is over: bars.csv\n" in done.output
    text = desk.feed.read_text()
    desk.feed.write_text(text + f"begins = {2 * START}\n")
    done = CliRunner().invoke(main, ["prices", "check", str(desk.feed)])
    assert "bars.csv: from the future: bars.csv" in done.output
    desk.feed.write_text(text + f"begins = {int(time.time()) - 5}\n")
    done = CliRunner().invoke(main, ["prices", "check", str(desk.feed)])
    assert (done.exit_code, done.output) == (0, "feed 1: 100 of bars.csv\n")
