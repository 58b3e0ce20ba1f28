"""The keeper's key: from the environment or a keystore file, and from nowhere else."""

import os
from collections.abc import MutableMapping
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tidegate.deployment.config import known_addresses
from tidegate.keepers.settings import SettingsError
from tidegate.local_accounts import local_address
from tidegate.web3_chain import LOCAL_CHAINS

KEY = "TIDEGATE_KEEPER_KEY"
PASSPHRASE = "TIDEGATE_PASSPHRASE"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def load_key(
    keystore: Path | None, chain_id: int, environ: MutableMapping[str, str] = os.environ
) -> LocalAccount:
    """The account that sends. What was read is taken out of the environment.

    SettingsError if there is none, or if everybody knows it and the chain is not local. Its text
    never holds a part of a key.
    """
    secret, phrase = environ.pop(KEY, None), environ.pop(PASSPHRASE, None)
    if keystore is not None:
        account = _from_keystore(keystore, phrase)
    elif secret is not None:
        account = _from_hex(secret)
    else:
        raise SettingsError(f"no key: --account NAME (a keystore), or {KEY} in the environment")
    refuse_known(account.address, chain_id)
    return account


def refuse_known(address: str, chain_id: int) -> None:
    """SettingsError if the key of an address is public and the chain is not local."""
    ours = {local_address(name).lower() for name in ("keeper", *map("keeper {}".format, range(16)))}
    if chain_id not in LOCAL_CHAINS and address.lower() in known_addresses() | ours:
        raise SettingsError(f"the key of {address} is known to all: not on a real network")


def _from_hex(secret: str) -> LocalAccount:
    try:
        found = bytes.fromhex(secret.strip().removeprefix("0x"))
    except ValueError:
        found = b""
    # eth-keys words its refusals with the key in them, so it sees none that it would refuse
    if len(found) != 32 or not 0 < int.from_bytes(found, "big") < CURVE_ORDER:
        raise SettingsError(f"{KEY} is no private key: 32 bytes as hex")
    return Account.from_key(found)


def _from_keystore(path: Path, phrase: str | None) -> LocalAccount:
    if phrase is None:
        raise SettingsError(f"the passphrase of {path} is missing: {PASSPHRASE}")
    try:
        return Account.from_key(Account.decrypt(path.read_text(), phrase))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise SettingsError(f"{path} is no keystore, or the passphrase does not open it") from None
