"""A key of a signer or a keeper: from the environment or an encrypted keystore, never plain."""

import json
import os
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tidegate.deployment.config import known_addresses
from tidegate.web3_chain import LOCAL_CHAINS

KEY = "TIDEGATE_SIGNER_KEY"
PASSPHRASE = "TIDEGATE_PASSPHRASE"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class KeyProblem(Exception):
    """There is no key that may be used; the text never holds any part of one."""


def load_key(keystore: Path | None, chain_id: int, variable: str = KEY) -> LocalAccount:
    """The account that signs. Keys that everybody knows are refused on all but local chains.

    What was read from the environment is taken out of it: a process started from here, or a report
    of its environment, does not have it.
    """
    secret, phrase = os.environ.pop(variable, None), os.environ.pop(PASSPHRASE, None)
    if keystore is None and secret is None:
        raise KeyProblem(f"no key: give --keystore FILE, or {variable}")
    if keystore is not None and secret is not None:
        raise KeyProblem(f"two keys: --keystore and {variable}")
    account = _from_hex(secret, variable) if keystore is None else _from_keystore(keystore, phrase)
    if chain_id not in LOCAL_CHAINS and account.address.lower() in known_addresses():
        raise KeyProblem(f"the key of {account.address} is known to all: not on a real network")
    return account


def _from_hex(secret: str | None, variable: str) -> LocalAccount:
    try:
        found = bytes.fromhex((secret or "").strip().removeprefix("0x"))
    except ValueError:
        found = b""
    # eth-keys words its refusals with the key in them, so it sees none that it would refuse
    if len(found) != 32 or not 0 < int.from_bytes(found, "big") < CURVE_ORDER:
        raise KeyProblem(f"{variable} is no private key: 32 bytes as hex")
    return Account.from_key(found)


def _from_keystore(path: Path, phrase: str | None) -> LocalAccount:
    if phrase is None:
        raise KeyProblem(f"the passphrase of {path} is missing: {PASSPHRASE}")
    try:
        keyfile = json.loads(path.read_text())
        return Account.from_key(Account.decrypt(keyfile, phrase))
    except OSError as error:
        raise KeyProblem(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise KeyProblem(f"{path} is no keystore, or the passphrase does not open it") from None
