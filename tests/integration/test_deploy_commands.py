"""`tidegate deploy` as a person runs it, on a node: killed on the way, and on a testnet's id."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils import keccak

from tidegate.abi import checksum
from tidegate.anvil import anvil_command, free_port
from tidegate.artifacts import ROOT
from tidegate.client.price_message import Domain, PriceMessage, PriceSigner, quorum
from tidegate.deployment import Deployment
from tidegate.deployment.config import CONTRACTS
from tidegate.web3_chain import HttpRpc, Web3Chain

pytestmark = pytest.mark.anvil
PATIENCE = 60.0  # seconds for anything another process does
BASE_SEPOLIA = 84532
TRANSACTIONS = len(CONTRACTS) + 1 + 6
PASSPHRASE = "of the test"
KEYS = [Account.from_key(keccak(text=f"somebody's key {number}")) for number in range(7)]


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        return bool(HttpRpc(url)("eth_chainId"))
    except OSError:
        return False


@pytest.fixture
def node(request) -> Iterator[HttpRpc]:
    port = free_port()
    chain_id = getattr(request, "param", 31337)
    command = anvil_command(port, "--chain-id", str(chain_id))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _until(lambda: _answers(url))
        yield HttpRpc(url)
    finally:
        process.kill()
        process.wait()


class Operator:
    """Runs the command in a process of its own."""

    def __init__(self, rpc: HttpRpc, folder: Path, *options: str) -> None:
        self.options = ["--rpc", rpc.url, "--manifests", str(folder), *options]

    def start(self, action: str, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tidegate.cli", "deploy", action, *self.options, *options],
            cwd=ROOT,
            env={**os.environ, "TIDEGATE_PASSPHRASE": PASSPHRASE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, action: str, *options: str) -> str:
        process = self.start(action, *options)
        text, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, text
        return text


def _states(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [step["state"] for step in json.loads(path.read_text())["steps"].values()]


def test_killed_between_sending_and_mining_it_goes_on(node, tmp_path):
    operator, path = Operator(node, tmp_path), tmp_path / "31337.json"

    def kill_while_sent(confirmed: int) -> str:
        """Kill the process whose transaction waits in the pool; the transaction's hash."""
        wanted = ["confirmed"] * confirmed + ["sent"]
        process = operator.start("apply")
        try:
            _until(lambda: _states(path) == wanted)
            [tx_hash] = list(json.loads(path.read_text())["steps"].values())[-1]["tx"]
            _until(lambda: node("eth_getTransactionByHash", tx_hash))
        finally:
            process.kill()
            process.wait()
        return tx_hash

    node("evm_setAutomine", False)
    first = kill_while_sent(0)
    # It is still in the pool: the next process waits for it and sends no other.
    assert kill_while_sent(0) == first
    node("evm_mine")
    second = kill_while_sent(1)
    # Now it is lost: the same nonce is used again.
    node("anvil_dropTransaction", second)
    third = kill_while_sent(1)
    assert third == second, "the same transaction, signed again"
    node("evm_mine")
    node("evm_setAutomine", True)
    operator.run("apply")
    chain = Web3Chain(node, "anvil")
    assert chain.count(chain.sender) == TRANSACTIONS
    assert "Everything is as configured." in operator.run("status")
    assert "nothing to do" in operator.run("apply")


FILLED = """
markets = ["btc-perp"]
signers = [{signers}]
governors = ["{governor}"]
guardian = "{guardian}"
delay = 3600

[network]
chain_id = {chain_id}
rpc = "http://127.0.0.1:9"
confirmations = 1
"""


def _testnet_operator(node: HttpRpc, folder: Path) -> Operator:
    """Somebody with a keystore and a network's file of their own."""
    deployer, governor, guardian, *signers = KEYS
    keystore = folder / "deployer.json"
    keystore.write_text(json.dumps(Account.encrypt(deployer.key, PASSPHRASE, iterations=2)))
    network = folder / "mine.toml"
    network.write_text(
        FILLED.format(
            signers=", ".join(f'"{key.address}"' for key in signers),
            governor=governor.address,
            guardian=guardian.address,
            chain_id=BASE_SEPOLIA,
        )
    )
    node("anvil_setBalance", deployer.address, hex(10**20))
    return Operator(node, folder, "--network", str(network), "--account", str(keystore))


@pytest.mark.parametrize("node", [BASE_SEPOLIA], indirect=True)
def test_killed_while_gas_is_too_dear_it_offers_more(node, tmp_path):
    operator, path = _testnet_operator(node, tmp_path), tmp_path / f"{BASE_SEPOLIA}.json"
    node("evm_setAutomine", False)

    def kill_when(condition: Callable[[], object]) -> None:
        process = operator.start("apply", "--yes", "--max-fee", "150")
        try:
            _until(condition)
        finally:
            process.kill()
            process.wait()

    def offers(number: int) -> bool:
        """Whether so many were made for the first nonce, and the node has the last of them."""
        if not path.exists():
            return False
        [step] = json.loads(path.read_text())["steps"].values() or [{"tx": []}]
        known = step["tx"] and node("eth_getTransactionByHash", step["tx"][-1])
        return len(step["tx"]) == number and bool(known)

    kill_when(lambda: offers(1))
    # Above what was offered, below what is allowed.
    node("anvil_setNextBlockBaseFeePerGas", hex(60 * 10**9))
    node("evm_mine")
    kill_when(lambda: offers(2))
    [step] = json.loads(path.read_text())["steps"].values()
    first, second = (node("eth_getTransactionByHash", tx_hash) for tx_hash in step["tx"])
    assert first is None, "the node keeps one of a nonce"
    assert (second["nonce"], second["blockNumber"]) == ("0x0", None)
    node("evm_mine")
    node("evm_setAutomine", True)
    kill_when(lambda: len(_states(path)) > 1)
    [done, *_] = json.loads(path.read_text())["steps"].values()
    assert (done["state"], done["tx"]) == ("confirmed", step["tx"][1:])
    assert "offer" not in done


@pytest.mark.parametrize("node", [BASE_SEPOLIA], indirect=True)
def test_planned_applied_and_verified_with_a_testnet_s_id(node, tmp_path):
    deployer, _, guardian, *signers = KEYS
    operator = _testnet_operator(node, tmp_path)
    path = tmp_path / f"{BASE_SEPOLIA}.json"
    planned = operator.run("plan")
    assert not path.exists()
    assert node("eth_blockNumber") == "0x0"

    process = operator.start("apply", "--yes")
    try:
        _until(lambda: "execute-feeds" in path.read_text() if path.exists() else False)
        _until(
            lambda: len(_states(path)) == len(CONTRACTS) + 3 and set(_states(path)) == {"confirmed"}
        )
        # What the price pusher does: it finds the oracle in the manifest, half done as it is.
        chain = Web3Chain(node, "mine", {deployer.address: lambda transaction: b""})
        oracle = Deployment.load(chain, tmp_path).oracle
        now = int(time.time())
        message = PriceMessage(1, now // 4, 60_000 * 10**18, now)
        domain = Domain(BASE_SEPOLIA, oracle.address)
        proof = quorum([PriceSigner(key, domain) for key in signers[:3]], message)
        pusher = Web3Chain(node, "mine", {guardian.address: _by(guardian)})
        node("anvil_setBalance", guardian.address, hex(10**20))
        pusher.contract(oracle.abi, oracle.address).transact(
            "push", 1, now // 4, 60_000 * 10**18, now, proof
        )
        time.sleep(1.1)  # a price counts from the next second on
        node("evm_mine")
        text, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, text
    assert "waiting for the signers' first prices" in text
    manifest = json.loads(path.read_text())
    for entry in manifest["contracts"].values():
        assert checksum(entry["address"]) in planned
    assert manifest["deployer"] == deployer.address
    secret = deployer.key.hex().removeprefix("0x")
    assert secret not in path.read_text() + text + planned
    assert "Everything is as configured." in operator.run("status")
    assert "DIFFERS" not in operator.run("verify", "--out", str(tmp_path / "inputs"))


def _by(account) -> Callable[[dict], bytes]:
    return lambda transaction: bytes(account.sign_transaction(transaction).raw_transaction)
