"""The commands `tidegate keepers ...`."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tidegate.abi import checksum
from tidegate.deployment import DeploymentError, load_network
from tidegate.deployment.commands import keystore_of
from tidegate.deployment.config import is_address
from tidegate.keepers.keys import load_key, refuse_known
from tidegate.keepers.registry import ROLES
from tidegate.keepers.running import Runner
from tidegate.keepers.service import NoOffers, Offers
from tidegate.keepers.settings import Settings, SettingsError, load_settings
from tidegate.keepers.watch import Watch, Webhook, serve
from tidegate.prices.offers import AggregatorOffers


def logger() -> Callable[..., None]:
    """JSON lines on standard output, one per event."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    return structlog.get_logger().info


@click.group("keepers")
def keeper_commands() -> None:
    """Send what is due: prices, executions, liquidations, epochs. docs/keepers.md."""


@keeper_commands.command("roles")
def roles_command() -> None:
    """List the roles."""
    for role in ROLES.values():
        click.echo(f"{role.name:16} {role.about}")


@keeper_commands.command("run")
@click.option("--config", type=click.Path(path_type=Path), help="Settings as TOML.")
@click.option("--network", metavar="NAME", help="File of networks/, or a path. Default: anvil.")
@click.option("--rpc", multiple=True, metavar="URL", help="A node; several may be given.")
@click.option("--roles", metavar="A,B", help="Only these. Default: all.")
@click.option("--account", metavar="NAME", help="Account of ape, or a keystore file.")
@click.option("--sender", metavar="ADDRESS", help="With --dry-run: who would send.")
@click.option("--share", metavar="K/N", help="This keeper's share without leases, from 0.")
@click.option("--manifests", type=click.Path(path_type=Path), help="Folder of <chain id>.json.")
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the state files.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="On loopback; 0: none.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, send nothing.")
@click.option("--once", is_flag=True, help="One pass, then end; the exit code says what is left.")
def run_command(config, roles, account, sender, dry_run, once, rpc, **options) -> None:
    """Run until SIGTERM. Keys only from a keystore or TIDEGATE_KEEPER_KEY."""
    urls = rpc or tuple(filter(None, os.environ.get("TIDEGATE_RPC", "").split(",")))
    options["roles"] = tuple(filter(None, roles.split(","))) if roles else None
    try:
        settings = load_settings(config, {**options, "rpc": urls})
        runner = build_runner(settings, account, sender, dry_run, once)
    except (SettingsError, DeploymentError) as error:
        raise click.UsageError(str(error)) from None
    _stop_on_signal(runner.stop)
    raise SystemExit(int(runner.run()))


def build_runner(
    settings: Settings,
    account: str | None = None,
    sender: str | None = None,
    dry_run: bool = False,
    once: bool = False,
) -> Runner:
    """A runner with its key, its logs and its metrics; SettingsError if something is missing."""
    network = load_network(settings.network)
    chain_id = network.chain_id
    say = logger()
    key = None
    address, path = (None, None) if account is None else keystore_of(account)
    if dry_run:
        if sender is not None and not is_address(sender):
            raise SettingsError(f"--sender {sender} is no address")
        address = checksum(sender) if sender else address
        if address is None:
            raise SettingsError("--dry-run needs --sender ADDRESS, or --account for its address")
        refuse_known(address, chain_id)
    else:
        if sender is not None:
            raise SettingsError("--sender goes with --dry-run: who sends has the key")
        key = load_key(path, chain_id)
        address = key.address
    webhook = Webhook(settings.webhook, say) if settings.webhook else None
    identity: dict[str, Any] = {"chain": chain_id, "address": address}
    watch = Watch(settings.limits, webhook, identity, say)
    if settings.metrics_port:
        try:
            serve(watch, settings.metrics_port)
        except OSError as error:
            raise SettingsError(f"port {settings.metrics_port}: {error.strerror}") from None
    offers: Offers = NoOffers()
    if settings.aggregators:
        asking = AggregatorOffers(settings.aggregators, network.config.slot_seconds, say)
        asking.start()
        offers = asking
    runner = Runner(
        settings,
        address,
        key,
        watch,
        say,
        os.environ.pop("TIDEGATE_LEASE_URL", None),
        offers,
        once=once,
    )
    return runner


def _stop_on_signal(stop: threading.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
