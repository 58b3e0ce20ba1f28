"""Keys for local chains, made from names: known to everyone, worth nothing anywhere."""

from functools import cache

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak


@cache
def local_account(name: str) -> LocalAccount:
    """The key of a role: always the same for a name ("deployer", "trader 7")."""
    return Account.from_key(keccak(text=f"tidegate local account {name}"))


def local_address(name: str) -> str:
    return local_account(name).address
