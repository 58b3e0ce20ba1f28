"""The service as an operator runs it: a process, on anvil, a block a second."""

import signal
import subprocess
import sys
import time

import pytest

from tests.harness.keeping import runner_for
from tests.harness.system import BTC, wad
from tidegate.artifacts import ROOT
from tidegate.client.orders import OrderState
from tidegate.keepers.running import Exit

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


def test_one_pass_of_every_role_in_this_process(night):
    """The fifth role-player, prices, is signed here: no aggregator runs."""
    log = []
    runner = runner_for(night.system, night.folder, log=log, heartbeat=4)
    runner.once = True
    night.system.prices[1] = wad("57400")
    time.sleep(5)  # the next slot is open
    assert runner.run() in (Exit.DONE, Exit.LEFT)
    labels = {facts["label"] for event, facts in log if event == "landed"}
    assert {"oracle_push", "liquidate", "execute", "lp_process", "lp_claim"} <= labels
    assert night.all_done()
    assert night.system.size(night.weak, BTC) < wad(1)


def test_a_dry_run_says_what_it_would_send_and_sends_nothing(night):
    sender = night.system.actor("onlooker")
    before = night.system.chain.rpc("eth_getTransactionCount", sender, "pending")
    command = [sys.executable, "-m", "tidegate.cli", "keepers", "run", "--rpc", night.url]
    command += ["--manifests", str(night.folder), "--metrics-port", "0", "--once", "--dry-run"]
    process = subprocess.Popen(
        [*command, "--sender", sender], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    night.processes.append(process)
    log = night.finish(process)
    assert process.returncode == Exit.DONE
    would = {line["label"] for line in log if line["event"] == "would send"}
    assert "liquidate" in would  # whether the order is due depends on how fast the process starts
    assert not [line for line in log if line["event"] == "landed"]
    assert night.system.chain.rpc("eth_getTransactionCount", sender, "pending") == before
    assert night.count("Liquidator", "Sliced") == 0


def test_sigterm_drains_and_ends_with_nothing_under_way(night):
    process = night.keeper()
    night.wait(lambda: night.count("Liquidator", "Sliced") > 0)
    process.send_signal(signal.SIGTERM)
    log = night.finish(process)
    assert process.returncode == Exit.DONE
    assert log[-1]["event"] == "closed"
    assert "left under way" not in [line["event"] for line in log]
    address = log[0]["address"] if "address" in log[0] else log[1]["address"]
    rpc = night.system.chain.rpc
    counts = [rpc("eth_getTransactionCount", address, block) for block in ("latest", "pending")]
    assert counts[0] == counts[1]


def test_a_keeper_killed_with_transactions_under_way_does_nothing_twice(night):
    rpc = night.system.chain.rpc
    rpc("evm_setIntervalMining", 0)  # blocks only by hand: what is sent stays under way
    process = night.keeper()
    address = night.system.actor("keeper")
    pending = lambda: int(rpc("eth_getTransactionCount", address, "pending"), 16)  # noqa: E731
    night.wait(lambda: pending() >= 2)
    process.kill()
    process.communicate()
    sent = pending()
    again = night.keeper()
    time.sleep(6)
    assert pending() == sent  # what is under way is not sent a second time
    rpc("evm_setIntervalMining", 1)
    night.wait(night.all_done)
    again.send_signal(signal.SIGTERM)
    log = night.finish(again)
    assert again.returncode in (Exit.DONE, Exit.LEFT)
    assert [line for line in log if line["event"] == "recovered"]
    ends = night.count("Exchange", "Executed") + night.count("Exchange", "Ended")
    assert ends == 2  # the weak account's own trade, and this one, filled or lapsed
    assert night.count("LiquidityVault", "Claimed") == 2
    assert night.state_of(night.filling) is OrderState.ENDED


def test_once_without_a_node_says_so():
    command = [sys.executable, "-m", "tidegate.cli", "keepers", "run", "--once", "--dry-run"]
    command += ["--sender", "0x" + "22" * 20, "--rpc", "http://127.0.0.1:1", "--metrics-port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == Exit.NO_NODE
    assert '"no node"' in done.stdout


def test_once_without_a_deployment_says_so(night, tmp_path):
    process = night.keeper("--once", "--manifests", str(tmp_path / "elsewhere"))
    log = night.finish(process)
    assert process.returncode == Exit.WRONG_CHAIN
    assert "deploy first" in log[-1]["why"]
