"""The verdict of the chain: what was done twice, what was left undone, which laws are true.

Nothing here asks a keeper. Orders, accounts and epochs are found in the events; whether something
is due is said by the contracts' own views.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.integration.chaos.node import number
from tests.integration.chaos.world import World
from tidegate.abi import Event
from tidegate.audit import accounts_in, read_books
from tidegate.client.orders import Order, OrderState
from tidegate.laws import check

AT_ONCE = 16
WORK = {"Executed", "Ended", "Woken", "Sliced", "Processed", "Claimed", "Absorbed", "Booked"}
IDLE = {"Skipped"}  # events of transactions that did nothing for anybody
SILENT = {"poke_caps"}  # useful, and without an event


@dataclass
class Verdict:
    """What was found; a list that is not empty is a failure, but for `wasted`."""

    twice: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # laws
    done: Counter[str] = field(default_factory=Counter)  # events of work, by name
    sent: int = 0  # keepers' transactions in blocks
    wasted: list[str] = field(default_factory=list)  # of them, those that did nothing
    wasted_gas: int = 0
    empty: int = 0  # transfers of nothing: cancels and filled nonces

    @property
    def fine(self) -> bool:
        return not (self.twice or self.undone or self.broken)

    def __str__(self) -> str:
        return "; ".join([*self.twice, *self.undone, *(f"{law} is false" for law in self.broken)])


def judge(world: World) -> Verdict:
    """Of the newest block. The world is held still."""
    with world.node.lock:
        events = world.events()
        verdict = Verdict()
        verdict.done.update(event.name for event in events if event.name in WORK)
        verdict.twice = twice(events)
        verdict.undone = undone(world, events)
        laws = check(read_books(world.venue, events))
        verdict.broken = [name for name, true in laws.items() if not true]
        _transactions(world, verdict)
        return verdict


def twice(events: list[Event]) -> list[str]:
    """Orders that ended twice, epochs priced or paid twice, slices nobody needed."""
    ends: Counter[bytes] = Counter()
    epochs: Counter[int] = Counter()
    claims: Counter[tuple[int, int]] = Counter()
    found = []
    prices = 0
    sliced: dict[tuple[int, int], int] = {}
    for event in events:
        args = event.args
        match event.name:
            case "Executed" | "Ended":
                ends[bytes(args.order_hash)] += 1
            case "Processed":
                epochs[args.epoch] += 1
            case "Claimed":
                claims[args.account, args.epoch] += 1
            case "Posted":
                prices += 1
            case "Sliced":
                # One slice restores an account with a buffer: the next needs a new price.
                leg = (args.account, args.instrument)
                if sliced.get(leg) == prices:
                    found.append(f"account {args.account:#x} was sliced twice at one price")
                sliced[leg] = prices
    found += [f"order {key.hex()[:12]} ended {n} times" for key, n in ends.items() if n > 1]
    found += [f"epoch {epoch} was priced {n} times" for epoch, n in epochs.items() if n > 1]
    found += [f"epoch {key[1]} was paid {n} times" for key, n in claims.items() if n > 1]
    return found


def undone(world: World, events: list[Event]) -> list[str]:
    """What somebody could do now, or in a moment, and nobody did."""
    deployment, vault = world.system.deployment, world.system.vault
    found = []
    orders = [Order.placed(event.args) for event in events if event.name == "Placed"]
    for at in range(0, len(orders), AT_ONCE):
        for status in deployment.lens_markets.call("order_status", orders[at : at + AT_ONCE]):
            if status.state == OrderState.WAITING:
                found.append(f"order {status.order_hash.hex()[:12]} waits")
            elif status.due:
                found.append(f"order {status.order_hash.hex()[:12]} is due")
            if status.wake_slot:
                found.append(f"order {status.order_hash.hex()[:12]} is to be woken")
    internal = {int(world.system.core), int(vault), int(world.system.exchange)}
    accounts = sorted(one for one in accounts_in(events) if one >> 96 not in internal)
    for at in range(0, len(accounts), 64):
        for candidate in deployment.lens_accounts.call("candidates", accounts[at : at + 64]):
            short = candidate.equity < candidate.maintenance
            if short and (candidate.size or candidate.deficit):
                found.append(f"account {candidate.account:#x} is below maintenance")
    asked = {event.args.account: event.args.epoch for event in events if event.name == "Requested"}
    priced = {event.args.epoch for event in events if event.name == "Processed"}
    now = world.chain.time()
    seconds = world.system.config.epoch_seconds
    for account, epoch in asked.items():
        if epoch not in priced and now >= (epoch + 1) * seconds + world.system.config.slot_seconds:
            found.append(f"epoch {epoch} is not priced")
        elif vault.call("claimable", account)[0]:
            found.append(f"account {account:#x} has something to claim")
    return found


def _transactions(world: World, verdict: Verdict) -> None:
    """Every transaction of a keeper that is in a block."""
    node, known = world.node, world.chain
    keepers = {address.lower() for address in world.keeper_addresses}
    first = world.first_block
    for height in range(first, node.height + 1):
        block = node.rpc("eth_getBlockByNumber", hex(height), True)
        for sent in block["transactions"]:
            if sent["from"] not in keepers:
                continue
            verdict.sent += 1
            if sent["to"] == sent["from"]:
                verdict.empty += 1
                continue
            receipt = node.rpc("eth_getTransactionReceipt", sent["hash"])
            names = _names(known, receipt) - IDLE
            what = _function(world, sent)
            if number(receipt["status"]) != 1 or not (names or what in SILENT):
                verdict.wasted.append(f"{what} in block {height}")
                verdict.wasted_gas += number(receipt["gasUsed"])


def _names(chain: Any, receipt: dict[str, Any]) -> set[str]:
    if number(receipt["status"]) != 1:
        return set()
    return {event.name for event in chain._decode(receipt).events}


def _function(world: World, sent: dict[str, Any]) -> str:
    selector = bytes.fromhex(sent["input"][2:10])
    for contract in world.venue.contracts:
        if contract.address.lower() == sent["to"]:
            for name, function in contract.abi.functions.items():
                if function.selector == selector:
                    return name
    return sent["input"][:10]
