"""`tidegate deploy` with the networks and accounts of ape.

`ape run deploy --network ethereum:local:foundry` applies; `plan`, `status` or `verify` at the end
does those. On local networks everything has a default. Elsewhere `--account` names an account of
ape and `--config` a file of networks/. Writes deployments/<chain id>.json.
"""

from pathlib import Path
from typing import Any

import click
from ape import accounts
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand

from tidegate.deployment import MANIFESTS, DeploymentConfig, load_config
from tidegate.deployment.commands import INPUTS, in_words, max_fee_option
from tidegate.deployment.desk import Desk
from tidegate.web3_chain import HttpRpc, ProviderRpc, Rpc, Signer, TesterRpc, Web3Chain

ACTIONS = ("plan", "apply", "status", "verify")


def _rpc(provider: Any) -> Rpc:
    if hasattr(provider.web3.provider, "ethereum_tester"):
        return TesterRpc(provider.web3)
    uri = str(getattr(provider, "http_uri", None) or getattr(provider, "uri", ""))
    return HttpRpc(uri) if uri.startswith("http") else ProviderRpc(provider.web3)


def _signer(provider: Any, account: AccountAPI) -> Signer:
    """ape holds the keys: keyfiles, hardware and plugins alike."""

    def sign(transaction: dict[str, Any]) -> bytes:
        prepared = provider.network.ecosystem.create_transaction(**transaction)
        signed = account.sign_transaction(prepared)
        if signed is None:
            raise click.ClickException("the account did not sign")
        return bytes(signed.serialize_transaction())

    return sign


@click.command(cls=ConnectedProviderCommand)
@click.argument("action", type=click.Choice(ACTIONS), default="apply")
@click.option("--account", "alias", help="Account of ape that deploys; the first test account.")
@click.option("--config", "file", type=click.Path(exists=True, path_type=Path), help="TOML file.")
@max_fee_option
@click.option("--manifests", type=click.Path(path_type=Path), default=MANIFESTS, help="Folder.")
def cli(
    provider: Any,
    action: str,
    alias: str | None,
    file: Path | None,
    max_fee: int,
    manifests: Path,
) -> None:
    """Deploy every contract and hand it to the timelock; or plan, status, verify."""
    if alias is None and not provider.network.is_dev and provider.network.name != "devnet":
        raise click.UsageError("a real network needs --account and --config")
    account = accounts.load(alias) if alias else accounts.test_accounts[0]
    name = provider.network_choice
    with in_words():
        chain = Web3Chain(_rpc(provider), name, {account.address: _signer(provider, account)})
        config = load_config(file) if file else DeploymentConfig()
        desk = Desk(
            chain, chain.chain_id, config, account.address, manifests, chain.local, max_fee=max_fee
        )
        fine = desk.verify(INPUTS) if action == "verify" else getattr(desk, action)()
    if fine is False:
        raise SystemExit(1)
