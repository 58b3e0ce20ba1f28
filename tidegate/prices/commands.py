"""The commands `tidegate prices ...`."""

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import structlog

from tidegate.abi import checksum
from tidegate.artifacts import ROOT, artifact
from tidegate.client.price_message import Domain
from tidegate.client.units import text
from tidegate.deployment.config import DeploymentError, Network, is_address, load_network
from tidegate.deployment.deployed import MANIFESTS
from tidegate.deployment.journal import load_manifest
from tidegate.prices.aggregator import SKEW_EVERY, Aggregator, AggregatorService, HttpTransport
from tidegate.prices.carrier import Carrier
from tidegate.prices.clock import Clock
from tidegate.prices.config import FEEDS, FeedError, load_feed
from tidegate.prices.keys import KEY, PASSPHRASE, KeyProblem, load_key
from tidegate.prices.panel import Bid, Panel
from tidegate.prices.pushing import OraclePusher
from tidegate.prices.sampler import Sampler
from tidegate.prices.server import listen_at
from tidegate.prices.signer import Signer
from tidegate.prices.signing_service import SigningService, log
from tidegate.prices.store import Store, StoreError
from tidegate.web3_chain import HttpRpc, Web3Chain

STORES = ROOT / "out" / "signers"
LOOK_SECONDS = 1.5


@contextmanager
def in_words() -> Iterator[None]:
    """What an operator can mend ends as one line, not as a traceback."""
    try:
        yield
    except (DeploymentError, FeedError, KeyProblem, StoreError) as error:
        raise click.ClickException(str(error)) from None


def _json_logs() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
    )


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _where(_: click.Context, __: click.Parameter, value: str) -> tuple[str, int]:
    try:
        return listen_at(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _panel(network: Network, oracle: str | None, manifests: Path, settle: float) -> Panel:
    """The signers and the oracle of a network: of its file and of its manifest."""
    if oracle is None:
        path = manifests / f"{network.chain_id}.json"
        if not path.exists():
            raise DeploymentError(f"no manifest {path}: deploy first, or name the --oracle")
        entry = load_manifest(path)["contracts"].get("PriceOracle")
        if entry is None:
            raise DeploymentError(f"{path} has no PriceOracle yet: run `tidegate deploy apply`")
        oracle = str(entry["address"])
    if not is_address(oracle):
        raise DeploymentError(f"--oracle {oracle} is no address: 0x and 40 hexadecimal digits")
    config = network.config
    wrong = [signer for signer in config.signers if not is_address(signer)]
    if wrong:
        raise DeploymentError(f"{wrong[0]} is no address: 0x and 40 hexadecimal digits")
    try:
        return Panel.of(
            config.signers,
            domain=Domain(network.chain_id, checksum(oracle)),
            threshold=config.threshold,
            faulty=config.faulty,
            slot_seconds=config.slot_seconds,
            settle=settle,
        )
    except ValueError as error:
        raise DeploymentError(f"{network.name}: {error}") from None


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Of the two services."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        with in_words():
            command(*args, **kwargs)

    for option in (
        click.option(
            "--settle",
            type=click.FloatRange(0, 30),
            default=1.0,
            show_default=True,
            help="Seconds after a slot's start before its first view, for sources to answer.",
        ),
        click.option(
            "--feed",
            "feeds",
            multiple=True,
            default=("btc-usd", "eth-usd"),
            show_default=True,
            metavar="NAME",
            help="File of feeds/, or a path; give one for each feed.",
        ),
        click.option(
            "--manifests",
            type=click.Path(path_type=Path),
            default=MANIFESTS,
            help="Folder of <chain id>.json, where the oracle's address is.",
        ),
        click.option("--oracle", metavar="ADDRESS", help="Instead of the manifest's."),
        click.option(
            "--network",
            default="anvil",
            show_default=True,
            metavar="NAME",
            help="File of networks/, or a path: chain id, signers, threshold.",
        ),
    ):
        run = option(run)
    return run


@click.group("prices")
def prices_commands() -> None:
    """Price a slot: sources, signers, and who gathers their signatures (docs/prices.md)."""


@prices_commands.command("check")
@click.argument("feeds", nargs=-1)
def check_command(feeds: tuple[str, ...]) -> None:
    """Ask the sources of FEEDS (files of feeds/, all by default) once; exit 1 without a price."""
    with in_words():
        names = feeds or tuple(sorted(str(path) for path in FEEDS.glob("*.toml")))
        sampler = Sampler([load_feed(name) for name in names], Clock(), 5 * LOOK_SECONDS)
    sampler.look()
    for feed, look in sampler.looks.items():
        sample = look.sample
        said = f"{text(sample.price)} of {', '.join(sample.sources)}" if sample else look.problem
        click.echo(f"feed {feed}: {said}")
        for source, why in sorted(look.faults.items()):
            click.echo(f"    {source}: {why}")
    sampler.close()
    if any(look.problem for look in sampler.looks.values()):
        raise SystemExit(1)


@prices_commands.command("sign")
@click.option(
    "--listen",
    default="127.0.0.1:9301",
    show_default=True,
    callback=_where,
    metavar="HOST:PORT",
    help="Where carriers ask; elsewhere than loopback only behind a proxy with TLS.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="What was signed. Default: out/signers/<chain id>-<address>.db. Never delete or copy it.",
)
@click.option(
    "--keystore",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Encrypted key; {PASSPHRASE} opens it. Without it the key is {KEY}, as hex.",
)
@_options
def sign_command(network, oracle, manifests, feeds, settle, keystore, store, listen) -> None:
    """Run one signer: sample the sources, answer carriers, one message per slot."""
    found = load_network(network)
    account = load_key(keystore, found.chain_id)
    panel = _panel(found, oracle, manifests, settle)
    if account.address not in panel.signers:
        raise DeploymentError(f"{account.address} is no signer of {found.name}")
    loaded = [load_feed(name) for name in feeds]
    clock = Clock()
    path = store or STORES / f"{found.chain_id}-{account.address}.db"
    kept = Store(path, account.address, panel.domain, clock.look())
    sampler = Sampler(loaded, clock, LOOK_SECONDS)
    signer = Signer(
        account,
        panel,
        kept,
        lambda feed, slot: sampler.own(feed, panel.opens(slot)),
        {each.feed: each.tolerance for each in loaded},
        clock,
    )
    _json_logs()
    try:
        service = SigningService(signer, sampler, listen)
    except OSError as error:
        raise click.ClickException(f"cannot listen: {error.strerror}") from None
    log.info("serving", url=service.server.url, address=account.address, oracle=oracle)
    stop = _stop_on_signal()
    try:
        service.run(stop)
    finally:
        service.close()
        kept.close()


def _signers(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    urls: dict[str, str] = {}
    for value in values:
        address, separator, url = value.partition("=")
        parts = urlsplit(url)
        if not separator or not is_address(address) or not parts.hostname:
            raise click.BadParameter(f"{value!r} is not ADDRESS=URL")
        if parts.scheme not in ("http", "https"):
            raise click.BadParameter(f"{url!r} begins with neither http nor https")
        urls[checksum(address)] = url.rstrip("/")
    return urls


def _pusher(network: Network, panel: Panel, rpc: str | None, keystore: Path) -> OraclePusher:
    account = load_key(keystore, network.chain_id)
    url = rpc or os.environ.get("TIDEGATE_RPC") or network.rpc
    try:
        chain = Web3Chain(
            HttpRpc(url),
            network.name,
            {
                account.address: lambda fields: bytes(
                    account.sign_transaction(fields).raw_transaction
                )
            },
        )
    except (OSError, HTTPException, ValueError, KeyError):
        raise DeploymentError(f"no node answers at {urlsplit(url).hostname}") from None
    if chain.chain_id != network.chain_id:
        raise DeploymentError(f"the node is of chain {chain.chain_id}, not {network.chain_id}")
    oracle = chain.contract(artifact("PriceOracle"), panel.domain.oracle)
    return OraclePusher(oracle, account.address, panel.slot_seconds, log.info)


@prices_commands.command("aggregate")
@click.option("--rpc", metavar="URL", help="Node to push to. Default: TIDEGATE_RPC, the network's.")
@click.option(
    "--push-with",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEYSTORE",
    help=f"Push from here too, with this key; {PASSPHRASE} opens it.",
)
@click.option(
    "--listen",
    default="127.0.0.1:9300",
    show_default=True,
    callback=_where,
    metavar="HOST:PORT",
    help="Where the price pusher asks for signed prices.",
)
@click.option(
    "--signer",
    "signers",
    multiple=True,
    callback=_signers,
    metavar="ADDRESS=URL",
    help="Where a signer is; give one for each.",
)
@_options
def aggregate_command(
    network, oracle, manifests, feeds, settle, signers, listen, push_with, rpc
) -> None:
    """Carry proposals, votes and signatures between signers; serve, or push, what they sign."""
    found = load_network(network)
    panel = _panel(found, oracle, manifests, settle)
    strange = signers.keys() - set(panel.signers)
    if strange:
        raise DeploymentError(f"{min(strange)} is no signer of {found.name}")
    if len(signers) < panel.threshold:
        raise DeploymentError(f"{len(signers)} signers have a URL, {panel.threshold} must sign")
    ids = tuple(load_feed(name).feed for name in feeds)
    _json_logs()
    pusher = None if push_with is None else _pusher(found, panel, rpc, push_with)
    transport = HttpTransport(signers, panel.view_seconds)
    carrier = Carrier(panel, transport, _double)
    back = max(market.max_age for market in found.config.markets) // panel.slot_seconds
    aggregator = Aggregator(panel, carrier, ids, Clock(), back)
    try:
        service = AggregatorService(aggregator, listen)
    except OSError as error:
        raise click.ClickException(f"cannot listen: {error.strerror}") from None
    log.info("serving", url=service.server.url, oracle=panel.domain.oracle)
    stop = _stop_on_signal()
    # Each ends when told to; one that ends by itself has failed, and ends the others.
    with ThreadPoolExecutor(3) as pool:
        parts = [
            pool.submit(_until_told, stop, aggregator.run, stop),
            pool.submit(_until_told, stop, _watch, service, transport, stop),
        ]
        if pusher is not None:
            parts.append(pool.submit(_until_told, stop, _push, pusher, aggregator, stop))
        while not stop.wait(3600):
            pass
    service.close()
    transport.close()
    for part in parts:
        part.result()


def _until_told(stop: threading.Event, run: Callable[..., None], *arguments: Any) -> None:
    try:
        run(*arguments)
    finally:
        stop.set()


def _double(signer: str, first: tuple[Bid, bytes], second: tuple[Bid, bytes]) -> None:
    proofs = [{"bid": bid.to_json(), "signature": proof.hex()} for bid, proof in (first, second)]
    log.error("signer signed two proposals for one view", signer=signer, proof=json.dumps(proofs))


def _watch(service: AggregatorService, transport: HttpTransport, stop: threading.Event) -> None:
    while not stop.wait(SKEW_EVERY):
        service.watch_clocks(transport)


def _push(pusher: OraclePusher, aggregator: Aggregator, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        pusher.push(aggregator.prices(), time.time())
