"""Keys from the environment or a keystore, never shown, never a known one on a real chain."""

import json
import os

import pytest
from eth_account import Account

from tidegate.keepers.keys import KEY, PASSPHRASE, load_key
from tidegate.keepers.settings import SettingsError
from tidegate.local_accounts import local_account

LIVE, LOCAL = 84532, 31337
OWN = "0x" + "5a" * 32
MNEMONIC_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def test_from_the_environment_and_taken_out_of_it(monkeypatch):
    monkeypatch.setenv(KEY, OWN)
    assert load_key(None, LIVE).address == Account.from_key(OWN).address
    assert KEY not in os.environ


def test_from_a_keystore(tmp_path, monkeypatch):
    file = tmp_path / "keeper.json"
    file.write_text(json.dumps(Account.encrypt(OWN, "open", kdf="pbkdf2", iterations=2)))
    monkeypatch.setenv(PASSPHRASE, "open")
    assert load_key(file, LIVE).address == Account.from_key(OWN).address
    assert PASSPHRASE not in os.environ
    with pytest.raises(SettingsError, match="is missing"):
        load_key(file, LIVE)
    monkeypatch.setenv(PASSPHRASE, "shut")
    with pytest.raises(SettingsError, match="does not open it"):
        load_key(file, LIVE)


@pytest.mark.parametrize("key", [MNEMONIC_KEY, local_account("keeper").key.hex()])
def test_known_keys_are_refused_on_a_live_chain(key, monkeypatch):
    monkeypatch.setenv(KEY, key)
    with pytest.raises(SettingsError, match="known to all"):
        load_key(None, LIVE)
    monkeypatch.setenv(KEY, key)
    assert load_key(None, LOCAL)


@pytest.mark.parametrize("bad", ["0x1234", "zz" * 32, "00" * 32, "ff" * 32, ""])
def test_what_is_no_key_is_refused_without_showing_it(bad, monkeypatch):
    monkeypatch.setenv(KEY, bad)
    with pytest.raises(SettingsError) as refused:
        load_key(None, LIVE)
    assert not bad or bad not in str(refused.value)


def test_no_key_says_where_one_may_be(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(SettingsError, match=f"--account NAME, or {KEY}"):
        load_key(None, LIVE)
