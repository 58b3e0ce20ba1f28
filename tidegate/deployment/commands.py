"""The commands `tidegate deploy ...`."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import wraps
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from tidegate.abi import checksum
from tidegate.artifacts import ROOT, CompileError
from tidegate.client.errors import ProtocolError
from tidegate.deployment.apply import MAX_FEE
from tidegate.deployment.config import DeploymentError, is_address, load_network
from tidegate.deployment.deployed import MANIFESTS
from tidegate.deployment.desk import Desk
from tidegate.deployment.journal import load_manifest
from tidegate.fees import GWEI
from tidegate.local_accounts import local_address
from tidegate.web3_chain import LOCAL_CHAINS, HttpRpc, RpcError, Signer, Web3Chain

KEYSTORES = Path.home() / ".ape" / "accounts"
INPUTS = ROOT / "out" / "verify"


@contextmanager
def in_words() -> Iterator[None]:
    """What an operator can mend ends as one line, not as a traceback."""
    try:
        yield
    except (DeploymentError, CompileError) as error:
        raise click.ClickException(str(error)) from None
    except ProtocolError as error:
        text = f"the contracts refused {error}: the step was not done; mend its cause, apply again"
        raise click.ClickException(text) from None
    except RpcError as error:
        text = f"the node answers: {error}. Apply again when that is mended; nothing is sent twice"
        raise click.ClickException(text) from None
    except (OSError, HTTPException) as error:
        text = f"the node cannot be reached ({error}): try again, or another --rpc"
        raise click.ClickException(text) from None


def keystore_of(name: str) -> tuple[str, Path]:
    """Address and file of an account of ape, or of a keystore file."""
    path = Path(name) if name.endswith(".json") else KEYSTORES / f"{name}.json"
    if not path.exists():
        raise DeploymentError(
            f"no account {name}: `ape accounts import {name}`, or name a keystore"
        )
    try:
        address = json.loads(path.read_text())["address"]
    except (ValueError, KeyError, TypeError):
        raise DeploymentError(f"{path} is no keystore file") from None
    return checksum("0x" + address.removeprefix("0x")), path


def _signer(path: Path) -> Signer:
    from eth_account import Account

    phrase = os.environ.get("TIDEGATE_PASSPHRASE")
    if phrase is None:
        phrase = click.prompt(f"Passphrase of {path.stem}", hide_input=True)
    try:
        account = Account.from_key(Account.decrypt(path.read_text(), phrase))
    except ValueError:
        raise DeploymentError(f"the passphrase does not open {path}") from None
    return lambda transaction: bytes(account.sign_transaction(transaction).raw_transaction)


def _no_key(transaction: dict[str, Any]) -> bytes:
    raise DeploymentError("sending needs a key: --account")


def open_desk(
    network: str,
    rpc: str | None,
    account: str | None,
    sender: str | None,
    manifests: Path,
    offline: bool,
    sends: bool,
) -> Desk:
    """The desk of a network; a key is asked for only if something is to be sent."""
    found = load_network(network)
    local = found.chain_id in LOCAL_CHAINS
    if sender is not None and not is_address(sender):
        raise DeploymentError(f"--sender {sender} is no address: 0x and 40 hexadecimal digits")
    key: Signer = _no_key
    if account is not None:
        sender, path = keystore_of(account)
        key = _signer(path) if sends else _no_key
    elif sender is None:
        if not local and sends:
            raise DeploymentError(f"{found.name} needs an account that pays: --account")
        sender = None if local else _deployer(manifests / f"{found.chain_id}.json")
    if offline:
        who = checksum(sender) if sender else local_address("deployer")
        return Desk(None, found.chain_id, found.config, who, manifests, local)
    url = rpc or os.environ.get("TIDEGATE_RPC") or found.rpc
    host = urlsplit(url).hostname  # a URL may have a key in it
    try:
        signers = {checksum(sender): key} if sender else None
        # its time goes on: keepers work on the same node
        chain = Web3Chain(HttpRpc(url), found.name, signers, still=False)
    except (OSError, HTTPException, ValueError, KeyError):
        hint = "start one with `anvil`" if local else "name another with --rpc or TIDEGATE_RPC"
        raise DeploymentError(f"no node answers at {host}: {hint}") from None
    if chain.chain_id != found.chain_id:
        raise DeploymentError(
            f"the node at {host} is of chain {chain.chain_id}, {found.name} is {found.chain_id}: "
            "choose the network that fits, or another --rpc"
        )
    return Desk(
        chain, chain.chain_id, found.config, chain.sender, manifests, local, found.confirmations
    )


def _deployer(path: Path) -> str:
    if not path.exists():
        raise DeploymentError(
            f"nothing is deployed there yet, {path} is missing: "
            "to plan, say who will send with --sender ADDRESS or --account NAME"
        )
    return str(load_manifest(path)["deployer"])


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Of every command."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        with in_words():
            command(*args, **kwargs)

    for option in (
        click.option(
            "--manifests",
            type=click.Path(path_type=Path),
            default=MANIFESTS,
            help="Folder of <chain id>.json.",
        ),
        click.option("--sender", metavar="ADDRESS", help="Who sends, where no key is needed."),
        click.option("--account", metavar="NAME", help="Account of ape, or a keystore file."),
        click.option("--rpc", metavar="URL", help="Node. Default: TIDEGATE_RPC, the network's."),
        click.option(
            "--network",
            default="anvil",
            show_default=True,
            metavar="NAME",
            help="File of networks/, or a path.",
        ),
    ):
        run = option(run)
    return run


def _wei(context: click.Context, option: click.Parameter, text: str) -> int:
    try:
        return int(Decimal(text) * GWEI)
    except (InvalidOperation, ValueError, OverflowError):
        raise click.BadParameter(f"{text} is no number") from None


max_fee_option = click.option(
    "--max-fee",
    default=str(MAX_FEE // GWEI),
    show_default=True,
    metavar="GWEI",
    callback=_wei,
    help="Most to offer for gas, on real networks.",
)
offline_option = click.option("--offline", is_flag=True, help="Ask no node.")


@click.group("deploy")
def deploy_commands() -> None:
    """Put the exchange on a chain, and see that it is what it should be.

    Networks are files of networks/, markets of markets/; what was done is in deployments/.
    """


@deploy_commands.command("plan")
@offline_option
@_options
def plan_command(network, rpc, account, sender, manifests, offline) -> None:
    """Print what apply would send, with every parameter. Changes nothing."""
    open_desk(network, rpc, account, sender, manifests, offline, sends=False).plan()


@deploy_commands.command("apply")
@click.option("--yes", is_flag=True, help="Do not ask on a real network.")
@max_fee_option
@_options
def apply_command(network, rpc, account, sender, manifests, yes, max_fee) -> None:
    """Send what is left of the plan. After a crash run it again: it goes on."""
    desk = open_desk(network, rpc, account, sender, manifests, offline=False, sends=True)
    desk.max_fee = max_fee
    if not desk.local and not yes:
        click.confirm(f"Send from {desk.sender} to chain {desk.chain_id}?", abort=True)
    desk.apply()


@deploy_commands.command("status")
@_options
def status_command(network, rpc, account, sender, manifests) -> None:
    """Say which steps are done and what differs from the configuration; exit 1 if anything does."""
    desk = open_desk(network, rpc, account, sender, manifests, offline=False, sends=False)
    if not desk.status():
        raise SystemExit(1)


@deploy_commands.command("verify")
@click.option(
    "--out", type=click.Path(path_type=Path), default=INPUTS, help="Folder for explorers' inputs."
)
@offline_option
@_options
def verify_command(network, rpc, account, sender, manifests, offline, out) -> None:
    """Compile the sources and compare every byte; exit 1 if one differs."""
    desk = open_desk(network, rpc, account, sender, manifests, offline, sends=False)
    if not desk.verify(out):
        raise SystemExit(1)


@deploy_commands.command("add-market")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_options
def add_market_command(network, rpc, account, sender, manifests, file) -> None:
    """Write the timelock's operation that lists the market of FILE."""
    desk = open_desk(network, rpc, account, sender, manifests, offline=False, sends=False)
    desk.add_market(file)
