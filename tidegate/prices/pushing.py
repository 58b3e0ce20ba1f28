"""From signed prices to PriceOracle.push: which to send now, and a plain wire for it.

A keepers' process asks an aggregator (`fetch`) and sends through its own sender; `OraclePusher`
sends plainly, without fees that rise: for small installations and tests.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from http.client import HTTPException
from typing import Any

from tidegate.chain import Contract, Sealed
from tidegate.client.errors import ProtocolError
from tidegate.client.price_message import REMEMBERED_SLOTS
from tidegate.prices import web
from tidegate.prices.observation import Reason, SourceError
from tidegate.prices.panel import Malformed, SignedPrice
from tidegate.web3_chain import RpcError

LIMIT = 4 * 1024 * 1024  # bytes: 128 slots of many feeds
MINED_SECONDS = 30.0  # after that others go first; the slot is tried again
POLL_SECONDS = 0.2
Key = tuple[int, int]  # feed, slot


def decide(
    ready: Iterable[SignedPrice],
    stored: Collection[Key],
    not_before: Mapping[Key, float],
    now: float,
    slot_seconds: int,
) -> list[SignedPrice]:
    """What to push now: oldest slot first, so that each is judged against the one before it.

    `stored`: slots the oracle has. `not_before`: when what was refused is tried again, since the
    deviation guard refuses a jump only until its room has grown. A publish time ahead of us waits.
    """
    oldest = int(now) // slot_seconds - REMEMBERED_SLOTS
    chosen = [
        price
        for price in ready
        if (key := (price.message.feed, price.message.slot)) not in stored
        and price.message.slot > oldest
        and price.message.published <= now
        and not_before.get(key, 0.0) <= now
    ]
    return sorted(chosen, key=lambda price: (price.message.slot, price.message.feed))


def fetch(url: str, since: int, seconds: float = 2.0) -> list[SignedPrice]:
    """What an aggregator has from a slot on; SourceError if it gives no such list.

    Nothing is verified here: the oracle verifies every signature, and a simulated push tells.
    """
    status, body = web.ask(f"{url}/v1/prices?since={since}", seconds, limit=LIMIT)
    if status != 200 or not isinstance(body, list):
        raise SourceError(Reason.REFUSED, f"HTTP {status}")
    try:
        return [SignedPrice.from_json(each) for each in body]
    except Malformed as error:
        raise SourceError(Reason.MISSING, str(error)) from None


class OraclePusher:
    """Sends what `decide` chooses to one oracle, a pass at a time; `say` is told of it.

    All of a pass are sent before the first is waited for: a block may be half a slot.
    """

    def __init__(
        self, oracle: Contract, sender: str, slot_seconds: int, say: Callable[..., Any]
    ) -> None:
        self.oracle = oracle
        self.sender = sender
        self.slot_seconds = slot_seconds
        self.stored: set[Key] = set()
        self.not_before: dict[Key, float] = {}
        self._say = say

    def push(self, ready: Iterable[SignedPrice], now: float) -> int:
        """How many were mined. What fails is tried again, until its slot is gone."""
        mined = 0
        chosen = decide(ready, self.stored, self.not_before, now, self.slot_seconds)
        try:
            for key, sealed in self._send(chosen, now):
                mined += self._await(key, sealed, now)
        except (RpcError, OSError, HTTPException) as error:
            # its text may hold the node's URL, and that a key
            self._say("node failed", why=type(error).__name__)
        oldest = int(now) // self.slot_seconds - REMEMBERED_SLOTS
        self.stored = {key for key in self.stored if key[1] >= oldest}
        self.not_before = {key: at for key, at in self.not_before.items() if key[1] >= oldest}
        return mined

    def _send(self, chosen: Iterable[SignedPrice], now: float) -> list[tuple[Key, Sealed]]:
        chain = self.oracle.chain
        nonce = chain.count(self.sender)
        sent: list[tuple[Key, Sealed]] = []
        for price in chosen:
            key = price.message.feed, price.message.slot
            if self.oracle.call("slot_price", *key)[0] != 0:
                self.stored.add(key)
                continue
            call = self.oracle.prepare("push", *price.arguments, sender=self.sender)
            try:
                sealed = chain.seal(call, nonce)
            except ProtocolError as refusal:
                self._refused(key, refusal, now)
                continue
            chain.publish(sealed)
            sent.append((key, sealed))
            nonce += 1
        return sent

    def _await(self, key: Key, sealed: Sealed, now: float) -> bool:
        deadline = time.monotonic() + MINED_SECONDS
        try:
            while (receipt := self.oracle.chain.outcome(sealed.tx_hash, sealed.call)) is None:
                if time.monotonic() > deadline:
                    self._say("not mined", feed=key[0], slot=key[1], tx=sealed.tx_hash)
                    return False
                time.sleep(POLL_SECONDS)
        except ProtocolError as refusal:
            self._refused(key, refusal, now)
            return False
        self.stored.add(key)
        self._say("pushed", feed=key[0], slot=key[1], block=receipt.block)
        return True

    def _refused(self, key: Key, refusal: ProtocolError, now: float) -> None:
        self.not_before[key] = now + self.slot_seconds
        self._say("refused", feed=key[0], slot=key[1], why=refusal.name)
