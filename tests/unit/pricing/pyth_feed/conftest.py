"""A Pyth feed on the listed feed of the oracle, and the publishers behind it."""

from dataclasses import dataclass, replace

import pytest

from tests.harness.pyth import BTC_ID, SECRET, PriceUpdate, encode_update
from tidegate.artifacts import artifact
from tidegate.chain import Contract, Receipt
from tidegate.client.errors import ProtocolError
from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD

FEE = 7  # wei for a message
MAX_CONFIDENCE = 2_000  # ppm


@dataclass
class Pyth:
    """What a poster does."""

    feed: object  # of tests/unit/pricing/conftest.py
    double: Contract
    adapter: Contract
    poster: str

    @property
    def chain(self):
        return self.feed.chain

    @property
    def slot(self) -> int:
        return self.feed.slot

    def update(self, price: int = 100, slot: int | None = None, **changes) -> PriceUpdate:
        """A whole price, first of its slot: published at its start, the one before a second ago."""
        opened = (self.slot if slot is None else slot) * 4
        return replace(PriceUpdate(price * 10**8, opened, opened - 1), **changes)

    def post(
        self, *updates: PriceUpdate, slot: int | None = None, fee: int | None = None
    ) -> Receipt:
        return self.post_bytes(
            encode_update(updates), slot, FEE * len(updates) if fee is None else fee
        )

    def post_bytes(self, update: bytes, slot: int | None = None, fee: int = FEE) -> Receipt:
        slot = self.slot if slot is None else slot
        return self.adapter.transact("post", slot, update, sender=self.poster, value=fee)

    def wealth(self) -> list[int]:
        """Wei of the poster, the adapter and Pyth."""
        owners = (self.poster, self.adapter.address, self.double.address)
        return [self.chain.balance(owner) for owner in owners]


@pytest.fixture
def pyth(feed) -> Pyth:
    double = feed.chain.deploy(artifact("PythDouble"), SECRET, FEE)
    adapter = feed.chain.deploy(
        artifact("PythFeed"), feed.oracle.address, double.address, 1, BTC_ID, MAX_CONFIDENCE
    )
    feed.oracle.transact("set_source", 1, adapter.address, False, sender=feed.owner)
    poster = local_address("poster")
    feed.chain.fund(poster, WAD)
    return Pyth(feed, double, adapter, poster)


@pytest.fixture
def declines(pyth: Pyth):
    """Call and expect an error by name; no word of the feed changed and nobody paid."""

    def check(error: str, action, *args, **kwargs) -> None:
        before = pyth.feed.words(), pyth.wealth()
        with pytest.raises(ProtocolError) as refusal:
            action(*args, **kwargs)
        assert refusal.value.name == error
        assert (pyth.feed.words(), pyth.wealth()) == before

    return check
