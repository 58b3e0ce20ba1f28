"""An exchange on anvil with every kind of work due, and keepers as processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.harness.keeping import let_time_run
from tests.harness.system import BTC, FOREVER, MOVE_RIGHT, System, wad
from tidegate.anvil import find_anvil
from tidegate.artifacts import ROOT
from tidegate.client.orders import Order, OrderState, OrderWord
from tidegate.deployment import DeploymentConfig, deploy
from tidegate.keepers.keys import KEY
from tidegate.local_accounts import local_account
from tidegate.web3_chain import local_node

CRASH = 57_500  # below it the weak account is below maintenance


@dataclass
class Night:
    """An exchange in which nobody has worked for a while."""

    system: System
    folder: Path
    weak: int
    trader: int
    filling: Order
    newcomer: int
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.system.chain.rpc.url  # type: ignore[attr-defined]

    def keeper(self, *options: str, name: str = "keeper") -> subprocess.Popen[str]:
        """`tidegate keepers run` with the key of a local role."""
        self.system.chain.account(name)
        command = [sys.executable, "-m", "tidegate.cli", "keepers", "run", "--rpc", self.url]
        command += ["--manifests", str(self.folder), "--state", str(self.folder / "state")]
        command += ["--metrics-port", "0", *options]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, KEY: local_account(name).key.hex()},
        )
        self.processes.append(process)
        return process

    def finish(self, process: subprocess.Popen[str], seconds: float = 60) -> list[dict[str, Any]]:
        """Its log, once it has ended."""
        output, _ = process.communicate(timeout=seconds)
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        assert lines, output
        return lines

    def wait(self, condition, seconds: float = 40) -> None:
        """Until something is so."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "it did not happen in time"
            time.sleep(0.2)

    def count(self, contract: str, event: str) -> int:
        """Events of a name in the chain's whole history."""
        made = self.system.deployment[contract]
        logs = self.system.chain.rpc(  # type: ignore[attr-defined]
            "eth_getLogs", {"fromBlock": "0x0", "address": made.address}
        )
        found = [
            made.abi.decode_event(
                log["address"],
                [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                bytes.fromhex(log["data"][2:]),
            )
            for log in logs
        ]
        return sum(one is not None and one.name == event for one in found)

    def state_of(self, order: Order) -> OrderState:
        word = self.system.exchange.call("order_word", order.account, order.place)
        return OrderWord.of(word).state

    def all_done(self) -> bool:
        """Sliced, filled, processed and handed out."""
        return (
            self.count("Liquidator", "Sliced") > 0
            and self.state_of(self.filling) is OrderState.ENDED
            and self.system.vault.call("balanceOf", self.system.actor("newcomer")) > 0
        )


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    """Time runs, a block a second; whoever leaves must have ended its processes."""
    if find_anvil() is None:
        pytest.skip("no anvil: run `make setup`")
    with local_node(say=str) as chain:
        config = DeploymentConfig(epoch_seconds=600)
        system = System(deploy(chain, config), config)
        system.deployment.save(tmp_path)
        system.provide(system.actor("provider"), 5_000_000)
        weak = system.fund(system.actor("weak"), 4_000)
        trader = system.fund(system.actor("trader"), 20_000)
        system.trade(weak, BTC, 1)
        owner = system.actor("newcomer")
        newcomer = system.fund(owner, 1_000)
        right = (system.vault.address, MOVE_RIGHT, FOREVER)
        system.core.transact("set_delegate", *right, sender=owner)
        request = (newcomer, wad(1_000), 0, FOREVER)
        system.vault.transact("request_deposit", *request, sender=owner)
        epoch = system.now // 600
        chain.set_time((epoch + 1) * 600 + 8)
        system.refresh()
        # an order whose slot is priced and open when the keepers come
        filling = system.order(trader, BTC, "0.1")
        system.place(filling)
        system.move(BTC, CRASH)
        made = Night(system, tmp_path, weak, trader, filling, newcomer)
        let_time_run(chain)
        yield made
        for process in made.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
