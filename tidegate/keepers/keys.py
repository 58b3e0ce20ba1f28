"""The keeper's key: from the environment or a keystore file, and from nowhere else."""

from pathlib import Path

from eth_account.signers.local import LocalAccount

from tidegate.deployment.config import known_addresses
from tidegate.keepers.settings import SettingsError
from tidegate.local_accounts import local_address
from tidegate.prices import keys
from tidegate.prices.keys import KeyProblem
from tidegate.web3_chain import LOCAL_CHAINS

KEY = "TIDEGATE_KEEPER_KEY"
PASSPHRASE = keys.PASSPHRASE


def load_key(keystore: Path | None, chain_id: int) -> LocalAccount:
    """The account that sends; SettingsError, without a part of a key in it, if there is none.

    Nor may everybody know it, unless the chain is local. What was read is taken out of the
    environment.
    """
    try:
        account = keys.load_key(keystore, chain_id, KEY)
    except KeyProblem as problem:
        raise SettingsError(str(problem).replace("--keystore FILE", "--account NAME")) from None
    refuse_known(account.address, chain_id)
    return account


def refuse_known(address: str, chain_id: int) -> None:
    """SettingsError if the key of an address is public and the chain is not local."""
    ours = {local_address(name).lower() for name in ("keeper", *map("keeper {}".format, range(16)))}
    if chain_id not in LOCAL_CHAINS and address.lower() in known_addresses() | ours:
        raise SettingsError(f"the key of {address} is known to all: not on a real network")
