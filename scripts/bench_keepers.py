"""What the keepers do in a second, measured on one anvil on this machine: four tables.

Accounts scanned per second among many; blocks from a price in a block to the liquidation it causes,
at one block a second; transactions per second through the sender; memory over an hour of blocks.
Written to docs/keepers.md between the marks there. Exit status 1 if a goal is missed.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.harness.keeping import (
    Member,
    Writer,
    let_time_run,
    member_short_at,
    runner_for,
    tell,
)
from tests.harness.system import BTC, ETH, System, wad
from tidegate.artifacts import ROOT
from tidegate.client.calls import Transaction
from tidegate.deployment import DeploymentConfig, deploy
from tidegate.keepers.sender import Job
from tidegate.keepers.service import Service
from tidegate.spec import words
from tidegate.spec.rounding import WAD
from tidegate.web3_chain import Web3Chain, local_node

PAGE = ROOT / "docs" / "keepers.md"
BEGIN, END = "<!-- bench-keepers -->", "<!-- /bench-keepers -->"
STEP = Decimal("0.004")  # of a price, from one round to the next


@dataclass
class Row:
    """One line of the table."""

    what: str
    result: str
    goal: str
    met: bool


class Rows(list[Row]):
    """Shows each as soon as it is measured."""

    def append(self, row: Row) -> None:
        super().append(row)
        print(line_of(row), flush=True)


def line_of(row: Row) -> str:
    return f"| {row.what} | {row.result} | {row.goal} | {'yes' if row.met else '**no**'} |"


def exchange(chain: Web3Chain, folder: Path, capital: int) -> System:
    config = DeploymentConfig()
    system = System(deploy(chain, config), config)
    system.deployment.save(folder)
    system.provide(system.actor("provider"), capital)
    return system


def crowd(system: System, count: int, first: int = 1) -> list[Member]:
    """Healthy accounts with a position in each market, as many long as short."""
    members = []
    for number in range(first, first + count):
        sign = 1 if number % 2 else -1
        btc, eth = sign * wad("0.002"), sign * wad("0.04")
        cash = wad(1_000) - sum(
            size * system.prices[one // 64] // WAD for one, size in ((BTC, btc), (ETH, eth))
        )
        members.append(Member(words.account(number), cash, {BTC: btc, ETH: eth}))
    Writer(system).write(members)
    return members


def scan(service: Service, members: list[Member], runs: int) -> list[float]:
    """Seconds of reading all of them."""
    tell(service, members)
    journal = service.history.live
    marks = dict(service.snapshot().marks)
    accounts = [member.account for member in members]
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        found = service.scanner.read(accounts, journal, marks)
        seconds.append(time.perf_counter() - began)
        if len(found) != len(accounts) or any(one.equity < one.maintenance for one in found):
            raise SystemExit("the crowd is not as it was written")
    return seconds


def latency(system: System, folder: Path, rounds: int, members: list[Member]) -> list[int]:
    """Blocks from the push that makes accounts short to the block of their first slice."""
    price = system.prices[1]
    weak: list[list[Member]] = []
    prices = [price]
    for turn in range(rounds):
        prices.append(int(prices[-1] * (1 - STEP)))
        between = (prices[-1] + prices[-2]) // 2
        number = 1_000_000 + 3 * turn
        weak.append(
            [member_short_at(words.account(number + one), BTC, "0.02", between) for one in range(3)]
        )
    everybody = [member for some in weak for member in some]
    Writer(system).write(everybody)
    chain: Web3Chain = system.chain  # type: ignore[assignment]
    system.pass_time(5)
    let_time_run(chain)
    runner = runner_for(system, folder, "latency", heartbeat=20, poll=Decimal("0.05"))
    opened = runner.open

    def open_and_tell() -> Service:
        service = opened()
        tell(service, [*members, *everybody])
        return service

    runner.open = open_and_tell  # type: ignore[method-assign]
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        time.sleep(12)
        for turn in range(rounds):
            system.prices[1] = prices[turn + 1]
            # longer than a slot, whose price is signed once, and at any part of a block
            time.sleep(system.config.slot_seconds + 1 + 1.37 * (turn % 3))
        time.sleep(8)
    finally:
        runner.stop.set()
        thread.join()
    pushes, slices = _history(system)
    found = []
    for turn, some in enumerate(weak):
        block = next((at for at, pushed in pushes if pushed == prices[turn + 1]), None)
        for member in some:
            if block is None or member.account not in slices:
                raise SystemExit(f"round {turn}: pushed {block}, sliced {member.account in slices}")
            found.append(slices[member.account] - block)
    return found


def _history(system: System) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """Blocks and prices of pushes of the first feed; first block in which each was sliced."""
    chain: Web3Chain = system.chain  # type: ignore[assignment]
    pushes, slices = [], {}
    for contract in (system.oracle, system.liquidator):
        logs = chain.rpc("eth_getLogs", {"fromBlock": "0x0", "address": contract.address})
        for log in logs:
            topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
            event = contract.abi.decode_event(
                log["address"], topics, bytes.fromhex(log["data"][2:])
            )
            block = int(log["blockNumber"], 16)
            if event and event.name == "Posted" and event.args.feed == 1:
                pushes.append((block, event.args.price))
            if event and event.name == "Sliced":
                slices.setdefault(event.args.account, block)
    return pushes, slices


def throughput(system: System, service: Service, count: int) -> float:
    """Transactions per second from the first submit to the last receipt, blocks every second."""
    token, address = system.token, service.lane.address
    jobs = [
        Job(Transaction(token, "mint", (address, number + 1), address, "mint"), (f"mint {number}",))
        for number in range(count)
    ]
    landed = 0
    began = time.perf_counter()
    at = 0
    while landed < count:
        service.cursor.rpc.head()
        room = service.lane.terms.most - service.lane.waiting
        if at < count and room >= 50:
            refused = service.sender.submit(jobs[at : at + 50])
            if refused:
                raise SystemExit(f"not sent: {refused[0].error}")
            at += 50
        landed += sum(outcome.done for outcome in service.sender.poll())
    return count / (time.perf_counter() - began)


def memory(system: System, service: Service, seconds: int) -> tuple[float, float, float]:
    """Resident MB at the start, at the end, and chain seconds replayed: a block a second."""
    chain: Web3Chain = system.chain  # type: ignore[assignment]
    trader = system.fund(system.actor("trader"), 50_000)
    now = chain.time()
    start = 0.0
    for second in range(seconds):
        now += 1
        chain.rpc("evm_setNextBlockTimestamp", hex(now))
        chain.rpc("evm_mine")
        if second % 16 == 0:
            order = system.order(trader, BTC, "0.01" if second % 32 else "-0.01")
            chain.rpc("evm_setNextBlockTimestamp", hex(now := now + 1))
            system.place(order)
        if second % 4 == 0:
            wave = Decimal(60_000) + Decimal(second % 200 - 100)
            system.prices[1] = wad(wave)
        service.tick()
        if second == seconds // 10:
            start = _resident()
    return start, _resident(), float(seconds - seconds // 10)


def _resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no /proc/self/status: memory cannot be measured here")


def measure(accounts: int, rounds: int, transactions: int, seconds: int) -> list[Row]:
    rows = Rows()
    with tempfile.TemporaryDirectory() as name, local_node(history=64) as chain:
        folder = Path(name)
        system = exchange(chain, folder, 20_000_000)
        members = crowd(system, accounts)
        service = runner_for(system, folder, "scan").open()
        while not service.caught_up:
            service.tick()
        took = scan(service, members, 7)
        best, middle = min(took), statistics.median(took)
        rows.append(
            Row(
                f"read {accounts:,} accounts, two positions each",
                f"{middle:.2f} s median of {len(took)}, {best:.2f} s best: "
                f"{accounts / middle:,.0f} accounts/s",
                "2 s",
                middle <= 2,
            )
        )
        blocks = sorted(latency(system, folder, rounds, members))
        median = statistics.median(blocks)
        p99 = blocks[max(0, -(-len(blocks) * 99 // 100) - 1)]
        share = sum(block <= 1 for block in blocks) / len(blocks)
        rows.append(
            Row(
                f"blocks from a price to its liquidations, {len(blocks)} of them among "
                f"{accounts:,} accounts, a block a second",
                f"median {median:g}, p99 {p99}, worst {blocks[-1]}; next block in {share:.1%}",
                "next block in 99 %",
                share >= 0.99,
            )
        )
        service = runner_for(system, folder, "sending").open()
        rate = throughput(system, service, transactions)
        rows.append(
            Row(
                f"{transactions:,} transactions through the sender, a block a second",
                f"{rate:.0f} a second",
                "100 a second",
                rate >= 100,
            )
        )
    rows.append(remember(accounts, seconds))
    return rows


def remember(accounts: int, seconds: int) -> Row:
    """Memory over so many seconds of the chain."""
    with tempfile.TemporaryDirectory() as name, local_node(history=64) as chain:
        folder = Path(name)
        system = exchange(chain, folder, 20_000_000)
        members = crowd(system, accounts)
        service = runner_for(system, folder, "memory", heartbeat=4).open()
        service.tick()
        tell(service, members)
        start, end, replayed = memory(system, service, seconds)
        hour = (end - start) * 3600 / replayed
        return Row(
            f"memory with {accounts:,} accounts, {seconds:,} blocks of a second replayed",
            f"{start:.0f} MB after a tenth, {end:.0f} MB at the end: "
            f"{hour:+.1f} MB an hour" + ("" if seconds >= 3600 else ", extrapolated"),
            "under 20 MB an hour",
            hour < 20,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=40, help="prices pushed, three slices each")
    parser.add_argument("--transactions", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=3_600, help="of chain time, for memory")
    parser.add_argument("--print", action="store_true", help="leave docs/keepers.md as it is")
    parser.add_argument("--only-memory", action="store_true")
    options = parser.parse_args()
    if options.only_memory:
        print(line_of(remember(options.accounts, options.seconds)))
        return 0
    rows = measure(options.accounts, options.rounds, options.transactions, options.seconds)
    lines = ["| what | measured | goal | met |", "|---|---|---|---|"]
    lines += [line_of(row) for row in rows]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    lines.append("")
    lines.append(f"On {os.cpu_count()} cores, load {load} at the end, anvil on the same machine.")
    table = "\n".join(lines)
    print(table)
    if not options.print:
        text = PAGE.read_text()
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
