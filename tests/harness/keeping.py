"""An exchange on anvil with keepers beside it: signed prices at hand, as many accounts as asked.

Accounts of a crowd are written into storage, words that the contracts would have written, because
ten thousand deposits and trades take minutes. No event tells of them: `tell` does.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_utils import keccak

from tests.harness.system import System, wad
from tidegate.artifacts import ROOT
from tidegate.chain import Contract
from tidegate.client.price_message import REMEMBERED_SLOTS
from tidegate.deployment import COLLATERAL
from tidegate.keepers.actions import Publish
from tidegate.keepers.journal import Journal
from tidegate.keepers.running import Runner
from tidegate.keepers.service import Service
from tidegate.keepers.settings import Settings
from tidegate.keepers.watch import Watch
from tidegate.local_accounts import local_account
from tidegate.spec import words
from tidegate.web3_chain import Web3Chain

LAYOUT = ROOT / "tests" / "snapshots" / "layout" / "ClearingHouse.json"
AT_ONCE = 500  # storage words of one request


@dataclass
class LocalOffers:
    """Signed prices of a local chain: `System.prices` at the moment a slot is first asked for."""

    system: System
    signed: dict[tuple[int, int], Publish] = field(default_factory=dict)
    service: Service | None = None

    def offers(self, wanted: Mapping[int, Collection[int]]) -> Sequence[Publish]:
        if self.service is None:
            return ()
        now, seconds = self.service.rpc.next_time(), self.system.config.slot_seconds
        found = []
        for feed, slots in wanted.items():
            for slot in sorted({*slots, now // seconds}):
                if slot * seconds <= now:
                    found.append(self._of(feed, slot, slot * seconds))
        return found

    def _of(self, feed: int, slot: int, published: int) -> Publish:
        if (feed, slot) not in self.signed:
            price = self.system.prices[feed]
            arguments = self.system.signers.arguments(feed, price, published, slot)
            self.signed[feed, slot] = Publish(*arguments)
            for old in [key for key in self.signed if key[1] < slot - REMEMBERED_SLOTS]:
                del self.signed[old]
        return self.signed[feed, slot]


def let_time_run(chain: Web3Chain, block_seconds: int = 1) -> None:
    """From the stillness of local chains to a block every so many seconds."""
    chain.rpc("anvil_removeBlockTimestampInterval")
    chain.rpc("evm_setIntervalMining", block_seconds)


def runner_for(
    system: System, folder: Path, name: str = "keeper", log: list[Any] | None = None, **changes: Any
) -> Runner:
    """A keeper with the key of a local role, whose prices are signed here."""
    chain: Web3Chain = system.chain  # type: ignore[assignment]
    chain.account(name)

    def say(event: str, **facts: Any) -> None:
        if log is not None:
            log.append((event, facts))

    options = {"rpc": (chain.rpc.url,), "manifests": folder, "state": folder / "state"}  # type: ignore[attr-defined]
    settings = Settings(**{**options, **changes})
    offers = LocalOffers(system)
    key = local_account(name)
    runner = Runner(settings, key.address, key, Watch(settings.limits, say=say), say, offers=offers)
    opened = runner.open

    def open_with_offers() -> Service:
        offers.service = opened()
        return offers.service

    runner.open = open_with_offers  # type: ignore[method-assign]
    return runner


# A crowd


@dataclass(frozen=True, slots=True)
class Member:
    """An account to be written: cash and sizes in 1e-18."""

    account: int
    cash: int
    sizes: Mapping[int, int]


class Writer:
    """Writes words of the ClearingHouse."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.chain: Web3Chain = system.chain  # type: ignore[assignment]
        layout = json.loads(LAYOUT.read_text())["storage_layout"]
        self._places = {
            name: entry["slot"]
            for module in layout.values()
            if isinstance(module, dict)
            for name, entry in module.items()
            if isinstance(entry, dict)
        }

    def place(self, name: str, *keys: int) -> str:
        """Where a mapping keeps the word of its keys."""
        at = self._places[name].to_bytes(32, "big")
        for key in keys:
            at = keccak(at + key.to_bytes(32, "big"))
        return "0x" + at.hex()

    def write(self, members: Sequence[Member]) -> None:
        """Their words, and the open interest of the markets with theirs in it."""
        core: Contract = self.system.core
        instruments = sorted({one for member in members for one in member.sizes})
        indices = {one: words.Indices.unpack(core.call("indices_word", one)) for one in instruments}
        interest = {
            one: words.Interest.unpack(core.call("interest_word", one)) for one in instruments
        }
        stores: list[tuple[str, int]] = []
        for member in members:
            stores.append(
                (
                    self.place("words", member.account),
                    words.account_word(sorted(member.sizes), 1),
                )
            )
            flags = words.ALIVE | words.HOLDS
            cash = words.Cash(member.cash, 0, flags).pack()
            stores.append((self.place("cash", member.account, COLLATERAL), cash))
            for one, size in member.sizes.items():
                position = words.Position(size, indices[one].of(size), words.FIRST_EPOCH)
                stores.append((self.place("positions", member.account, one), position.pack()))
                interest[one] = interest[one].moved(0, size)
        stores += [(self.place("interest", one), interest[one].pack()) for one in instruments]
        for at in range(0, len(stores), AT_ONCE):
            self.chain.rpc.many(
                [
                    ("anvil_setStorageAt", [core.address, place, f"0x{word:064x}"])
                    for place, word in stores[at : at + AT_ONCE]
                ]
            )


def tell(service: Service, members: Sequence[Member]) -> None:
    """What events would have told the keepers of a crowd."""
    for journal in (service.history.settled, service.history.live):
        _tell(journal, members)


def _tell(journal: Journal, members: Sequence[Member]) -> None:
    for member in members:
        journal.sizes[member.account] = dict(member.sizes)
        journal.accounts.add(member.account)
        journal.touched.add(member.account)


def member_short_at(account: int, instrument: int, size: str, price: int) -> Member:
    """A long that is below maintenance at this price (1e-18) and not above. Shares of the default
    market: shock 3 %, contingency 0.5 %.
    """
    units = wad(size)
    worth = units * price // 10**18
    return Member(account, -worth + worth * 35 // 1000, {instrument: units})
