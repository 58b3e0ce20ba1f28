"""Files of feeds, recorded prices, and keys."""

import json
from pathlib import Path

import pytest
from eth_account import Account

from tests.unit.prices.built import BTC_ID
from tidegate.local_accounts import local_account
from tidegate.prices.config import FEEDS, FeedError, load_feed
from tidegate.prices.hermes import Hermes
from tidegate.prices.keys import KEY, PASSPHRASE, KeyProblem, load_key
from tidegate.prices.observation import Reason, SourceError
from tidegate.prices.replay import Recorded

ONE = 10**18
OWN = Account.from_key("0x" + "5a" * 32)
BARS = """timestamp,open,high,low,close
2026-01-01T00:00:00Z,100,110,90,105
2026-01-01T00:01:00Z,105,108,95,96
"""
FEED = """
feed = 7
tolerance = "0.001"
minimum = 2

[[sources]]
kind = "csv"
path = "bars.csv"

[[sources]]
kind = "hermes"
url = "https://hermes.example"
price_id = "0x{id}"
"""
START = 1_767_225_600


@pytest.fixture
def write(tmp_path):
    (tmp_path / "bars.csv").write_text(BARS)

    def write(text: str) -> str:
        path = tmp_path / "feed.toml"
        path.write_text(text)
        return str(path)

    return write


def test_a_feed_from_its_file(write, monkeypatch):
    monkeypatch.setenv("TIDEGATE_HERMES_KEY", "secret")
    found = load_feed(write(FEED.format(id=BTC_ID)))
    assert (found.feed, found.tolerance, found.rules.minimum) == (7, 1_000, 2)
    recorded, hermes = found.sources
    assert recorded.name == "bars.csv"
    assert hermes == Hermes(7, "https://hermes.example", BTC_ID, "secret")
    assert "secret" not in repr(found)


@pytest.mark.parametrize("path", sorted(FEEDS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_feeds_of_the_repository_can_be_read(path):
    found = load_feed(path.stem)
    assert len(found.sources) > found.rules.minimum
    assert {source.feed for source in found.sources} == {found.feed}


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("feed = 7", "", "'feed' is missing"),
        ("feed = 7", "feed = 0", "is no whole number from 1 on"),
        ("feed = 7", "feed = 7\nspeed = 1", "speed is no setting of a feed"),
        ('"0.001"', '"1"', "is no share between 0 and 1"),
        ('"0.001"', '"0.0000001"', "is no share between 0 and 1"),
        ("minimum = 2", "minimum = 3", "2 sources, 3 must agree"),
        ("minimum = 2", "minimum = 0", "minimum are at least 1"),
        ('kind = "csv"', 'kind = "tea leaves"', "is none of venue, hermes, csv"),
        ('kind = "csv"', 'kind = "csv"\ncolour = 1', "colour is no setting of a csv"),
        ('path = "bars.csv"', 'path = "none.csv"', "No such file"),
        ('path = "bars.csv"', 'path = "bars.csv"\nname = "pyth"', "two sources have one name"),
        ("https://hermes.example", "ftp://x", "is no URL"),
        (BTC_ID, "beef", "is not 32 bytes as hex"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(write, old, new, text):
    path = write(FEED.format(id=BTC_ID).replace(old, new))
    with pytest.raises(FeedError) as refused:
        load_feed(path)
    assert str(refused.value).startswith(path)
    assert text in str(refused.value)


def test_a_key_is_not_sent_in_the_clear(write, monkeypatch):
    monkeypatch.setenv("TIDEGATE_HERMES_KEY", "secret")
    with pytest.raises(FeedError, match="a key is not sent without TLS"):
        load_feed(write(FEED.format(id=BTC_ID).replace("https", "http")))


def test_no_such_feed():
    with pytest.raises(FeedError, match="No such file"):
        load_feed("tea-usd")


# Recorded prices


@pytest.mark.parametrize(
    ("after", "price"),
    [(0, 100), (14, 100), (15, 90), (30, 110), (45, 105), (59, 105), (60, 105), (75, 108)],
)
def test_recorded_prices_walk_through_their_bars(tmp_path, after, price):
    (tmp_path / "bars.csv").write_text(BARS)
    recorded = Recorded.read(1, tmp_path / "bars.csv")
    assert recorded.observe(START + after).price == price * ONE
    later = Recorded.read(1, tmp_path / "bars.csv", begins=5_000)
    assert later.observe(5_000 + after).price == price * ONE
    assert later.observe(5_000 + after).time == 5_000 + after


@pytest.mark.parametrize(("after", "reason"), [(-1, Reason.FUTURE), (120, Reason.OVER)])
def test_before_and_after_there_is_no_price(tmp_path, after, reason):
    (tmp_path / "bars.csv").write_text(BARS)
    with pytest.raises(SourceError) as refused:
        Recorded.read(1, tmp_path / "bars.csv").observe(START + after)
    assert refused.value.reason == reason


# Keys


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in (KEY, PASSPHRASE):
        monkeypatch.delenv(name, raising=False)


def keystore(folder: Path) -> Path:
    path = folder / "signer.json"
    path.write_text(json.dumps(Account.encrypt(OWN.key, "open", iterations=2)))
    return path


def test_a_key_from_the_environment_is_taken_out_of_it(monkeypatch):
    import os

    monkeypatch.setenv(KEY, OWN.key.hex())
    assert load_key(None, 1).address == OWN.address
    assert KEY not in os.environ


def test_a_key_from_a_keystore(monkeypatch, tmp_path):
    monkeypatch.setenv(PASSPHRASE, "open")
    assert load_key(keystore(tmp_path), 1).address == OWN.address


@pytest.mark.parametrize("secret", ["", "0x", "zz" * 32, "00" * 32, "ff" * 32, "5a" * 31])
def test_no_part_of_a_wrong_key_is_in_the_refusal(monkeypatch, secret):
    monkeypatch.setenv(KEY, secret)
    with pytest.raises(KeyProblem) as refused:
        load_key(None, 31337)
    assert str(refused.value) == f"{KEY} is no private key: 32 bytes as hex"


def test_keys_that_are_not_there(monkeypatch, tmp_path):
    with pytest.raises(KeyProblem, match="no key"):
        load_key(None, 31337)
    with pytest.raises(KeyProblem, match=r"passphrase of .* is missing"):
        load_key(keystore(tmp_path), 31337)
    monkeypatch.setenv(PASSPHRASE, "closed")
    with pytest.raises(KeyProblem, match="does not open it"):
        load_key(keystore(tmp_path), 31337)
    monkeypatch.setenv(KEY, OWN.key.hex())
    with pytest.raises(KeyProblem, match="two keys"):
        load_key(keystore(tmp_path), 31337)


def test_known_keys_are_for_local_chains(monkeypatch):
    known = local_account("signer 2")
    monkeypatch.setenv(KEY, known.key.hex())
    assert load_key(None, 31337).address == known.address
    monkeypatch.setenv(KEY, known.key.hex())
    with pytest.raises(KeyProblem, match="is known to all: not on a real network"):
        load_key(None, 8453)
