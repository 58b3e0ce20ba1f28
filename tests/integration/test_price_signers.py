"""Four signers, one of them faulty, an aggregator, and an oracle on a node: prices from files.

Every honest part is a process of its own, started as an operator starts it. The chain has a
testnet's id, so no key that everybody knows is taken.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import keccak

from tidegate.anvil import anvil_command, free_port
from tidegate.artifacts import ROOT, artifact
from tidegate.client.price_message import Domain, PriceMessage
from tidegate.local_accounts import local_account
from tidegate.prices import web
from tidegate.prices.carrier import PROPOSE, SIGN, VOTE_PATH
from tidegate.prices.observation import SourceError
from tidegate.prices.panel import PROPOSAL, VOTE, Bid, Panel
from tidegate.prices.pushing import fetch
from tidegate.prices.server import Server
from tidegate.web3_chain import HttpRpc, Web3Chain

pytestmark = [pytest.mark.anvil, pytest.mark.slow]
BASE_SEPOLIA = 84532
PATIENCE = 60.0  # seconds for anything another process does
SLOT_SECONDS = 2
PASSPHRASE = "of the test"
KEYS = [Account.from_key(keccak(text=f"a price signer's key {number}")) for number in range(4)]
OWNER = Account.from_key(keccak(text="the owner of an oracle"))
PUSHER = Account.from_key(keccak(text="who pushes prices"))
ONE = 10**18
PRICES = {1: 60_000, 2: 3_000}


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def answers(url: str) -> bool:
    try:
        return bool(HttpRpc(url)("eth_chainId"))
    except OSError:
        return False


@pytest.fixture
def node() -> Iterator[HttpRpc]:
    port = free_port()
    command = anvil_command(port, "--chain-id", str(BASE_SEPOLIA), "--block-time", "1")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(url), "anvil did not start")
        yield HttpRpc(url)
    finally:
        process.kill()
        process.wait()


class Site:
    """The folder of one panel, its processes and its oracle."""

    def __init__(self, node: HttpRpc, folder: Path) -> None:
        self.node, self.folder = node, folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = [free_port() for _ in KEYS]
        for account in (OWNER, PUSHER):
            node("anvil_setBalance", account.address, hex(10**20))
        by = {OWNER.address: lambda fields: bytes(OWNER.sign_transaction(fields).raw_transaction)}
        self.chain = Web3Chain(node, "mine", by)
        signers = sorted((key.address for key in KEYS), key=lambda who: int(who, 16))
        self.oracle = self.chain.deploy(
            artifact("PriceOracle"), OWNER.address, SLOT_SECONDS, signers, 3, 1
        )
        for feed in PRICES:
            self.oracle.transact("set_feed", feed, 60, 50_000)
        self.panel = Panel.of(
            tuple(signers),
            domain=Domain(BASE_SEPOLIA, self.oracle.address),
            threshold=3,
            faulty=1,
            slot_seconds=SLOT_SECONDS,
        )
        self.begins = int(time.time()) - 60
        self._write()

    def _write(self) -> None:
        """Network, feeds, recorded prices, the pusher's keystore."""
        listed = ", ".join(f'"{key.address}"' for key in KEYS)
        network = self.folder / "mine.toml"
        network.write_text(
            f'markets = ["btc-perp", "eth-perp"]\nsigners = [{listed}]\nthreshold = 3\nfaulty = 1\n'
            f"slot_seconds = {SLOT_SECONDS}\n"
            f'[network]\nchain_id = {BASE_SEPOLIA}\nrpc = "{self.node.url}"\nconfirmations = 1\n'
        )
        for feed, price in PRICES.items():
            sources = ""
            # The third one is broken: it says a tenth more, and is left out of every price.
            for number, said in enumerate((price, price, price * 1.1)):
                name = f"{feed}-{number}.csv"
                self._record(self.folder / name, said)
                sources += f'[[sources]]\nkind = "csv"\npath = "{name}"\nbegins = {self.begins}\n'
            (self.folder / f"{feed}.toml").write_text(
                f'feed = {feed}\ntolerance = "0.002"\nminimum = 2\n{sources}'
            )
        keystore = Account.encrypt(PUSHER.key, PASSPHRASE, iterations=2)
        (self.folder / "pusher.json").write_text(json.dumps(keystore))

    def _record(self, path: Path, price: float) -> None:
        """Ten minutes in bars of eight seconds, each a hundredth of a percent above the last."""
        lines = ["timestamp,open,high,low,close"]
        for number in range(75):
            stamp = datetime.fromtimestamp(1_600_000_000 + 8 * number, UTC).isoformat()
            lines.append(f"{stamp}{f',{price * (1 + number / 10_000):.2f}' * 4}")
        path.write_text("\n".join(lines) + "\n")

    def recorded(self, feed: int, time_: int) -> int:
        bar = (time_ - self.begins) // 8
        return round(PRICES[feed] * (10_000 + bar) * 100) * ONE // 1_000_000

    def start(self, name: str, *arguments: str, **secrets: str) -> None:
        common = ["--network", str(self.folder / "mine.toml"), "--oracle", self.oracle.address]
        for feed in PRICES:
            common += ["--feed", str(self.folder / f"{feed}.toml")]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "tidegate.cli", "prices", *arguments, *common],
                cwd=ROOT,
                env={**os.environ, **secrets},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start_signer(self, number: int) -> None:
        where = ["--listen", f"127.0.0.1:{self.ports[number]}"]
        where += ["--store", str(self.folder / f"store-{number}.db")]
        key = "0x" + KEYS[number].key.hex().removeprefix("0x")
        self.start(f"signer-{number}", "sign", *where, TIDEGATE_SIGNER_KEY=key)

    def start_aggregator(self) -> str:
        port = free_port()
        arguments = ["aggregate", "--listen", f"127.0.0.1:{port}"]
        arguments += ["--push-with", str(self.folder / "pusher.json")]
        for key, signer in zip(KEYS, self.ports, strict=True):
            arguments += ["--signer", f"{key.address}=http://127.0.0.1:{signer}"]
        self.start("aggregator", *arguments, TIDEGATE_PASSPHRASE=PASSPHRASE)
        return f"http://127.0.0.1:{port}"

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stored(self, feed: int, slot: int) -> int:
        return self.oracle.call("slot_price", feed, slot)[0]


def faulty_signer(site: Site, key: Any, port: int) -> Server:
    """Proposes 90,000 in its turn, another one each time; votes for everything, signs nothing."""
    turn = iter(range(90_000 * ONE, 91_000 * ONE))
    lock = threading.Lock()

    def signed(kind: str, bid: Bid) -> str:
        return bytes(key.sign_message(site.panel.typed(kind, bid)).signature).hex()

    def propose(body: Any) -> tuple[int, Any]:
        with lock:
            price = next(turn)
        opened = site.panel.opens(body["slot"])
        bid = Bid(body["view"], PriceMessage(body["feed"], body["slot"], price, opened))
        return 200, {"bid": bid.to_json(), "signature": signed(PROPOSAL, bid)}

    def vote(body: Any) -> tuple[int, Any]:
        return 200, {"signature": signed(VOTE, Bid.from_json(body["bid"]))}

    def sign(body: Any) -> tuple[int, Any]:
        return 500, {"error": "no"}

    return Server(("127.0.0.1", port), {}, {PROPOSE: propose, VOTE_PATH: vote, SIGN: sign})


def is_well(url: str) -> bool:
    try:
        return web.ask(f"{url}/healthz", 2.0)[0] == 200
    except SourceError:
        return False


def test_four_signers_one_faulty_price_every_slot(node, tmp_path):
    site = Site(node, tmp_path)
    liar = faulty_signer(site, KEYS[3], site.ports[3])
    try:
        for number in range(3):
            site.start_signer(number)
        until(
            lambda: all(is_well(f"http://127.0.0.1:{port}") for port in site.ports[:3]),
            "the signers did not start: " + site.logs(),
        )
        # only slots that open after a store was made are signed
        first = site.panel.slot_at(time.time()) + 2
        url = site.start_aggregator()
        slots = range(first, first + 4)  # the faulty one leads one of them
        for feed in PRICES:
            for slot in slots:
                price = until(
                    lambda feed=feed, slot=slot: site.stored(feed, slot),
                    f"feed {feed} slot {slot}: {site.logs()[-3000:]}",
                )
                opened = site.panel.opens(slot)
                # what the leader saw: at the start, or at a moment before it was published
                published = site.oracle.call("slot_word", feed, slot) >> 122 & (2**40 - 1)
                assert opened <= published
                assert price in {site.recorded(feed, at) for at in range(opened, published + 1)}
        assert {site.panel.leader(slot, 0) for slot in slots} == set(site.panel.signers)

        # One dies without a word, and with the faulty one that is one too many.
        dead = site.processes.pop("signer-0")
        dead.kill()
        dead.wait()
        gap = site.panel.slot_at(time.time()) + 1
        until(lambda: time.time() > site.panel.opens(gap + 2), "time stands still")
        assert site.stored(1, gap) == 0
        # It comes back on its store, and the slots it missed are priced late.
        site.start_signer(0)
        for slot in (gap, gap + 1, gap + 4):
            until(lambda slot=slot: site.stored(1, slot), f"slot {slot}: {site.logs()[-3000:]}")

        served = fetch(url, since=first)
        assert {(price.message.feed, price.message.slot) for price in served} >= {
            (feed, slot) for feed in PRICES for slot in slots
        }
        assert is_well(url)
    finally:
        site.stop()
        liar.close()
    logs = site.logs()
    for key in (*KEYS[:3], PUSHER):
        assert key.key.hex().removeprefix("0x") not in logs
    assert PASSPHRASE not in logs
    assert all(process.returncode == 0 for process in site.processes.values()), logs[-3000:]


def test_keys_that_everybody_knows_are_refused_on_a_real_chain(tmp_path):
    known = local_account("signer 0")
    junk = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    network = tmp_path / "mine.toml"
    for secret, address in (
        (known.key.hex(), known.address),
        (junk, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
    ):
        others = ", ".join(f'"{key.address}"' for key in KEYS[:3])
        network.write_text(
            f'signers = ["{address}", {others}]\n'
            f'[network]\nchain_id = {BASE_SEPOLIA}\nrpc = "http://127.0.0.1:9"\nconfirmations = 1\n'
        )
        done = subprocess.run(
            [sys.executable, "-m", "tidegate.cli", "prices", "sign", "--network", str(network)],
            cwd=ROOT,
            env={**os.environ, "TIDEGATE_SIGNER_KEY": secret},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert f"the key of {address} is known to all: not on a real network" in done.stderr
        assert secret.removeprefix("0x") not in done.stdout + done.stderr
