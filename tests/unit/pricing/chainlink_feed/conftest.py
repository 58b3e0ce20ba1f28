"""A Chainlink feed on the listed feed of the oracle, on a chain with a sequencer."""

from dataclasses import dataclass

import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact
from tidegate.chain import Contract, Receipt

HEARTBEAT = 3600
GRACE = 1800


@dataclass
class Chainlink:
    """What a poster does. The aggregator answers 100, the sequencer has been up for a day."""

    feed: object  # of tests/unit/pricing/conftest.py
    aggregator: Contract
    uptime: Contract
    adapter: Contract

    @property
    def chain(self):
        return self.feed.chain

    @property
    def now(self) -> int:
        return self.feed.now

    def answer(self, price: int) -> None:
        """A round of a whole price, now."""
        self.aggregator.transact("answer_round", price * 10**8)

    def post(self) -> Receipt:
        return self.adapter.transact("post", sender=self.feed.pusher)


@pytest.fixture
def chainlink(feed) -> Chainlink:
    aggregator = feed.chain.deploy(artifact("AggregatorDouble"), 8)
    uptime = feed.chain.deploy(artifact("AggregatorDouble"), 0)
    uptime.transact("report_status", False)
    adapter = feed.chain.deploy(
        artifact("ChainlinkFeed"),
        *(feed.oracle.address, aggregator.address, 1, HEARTBEAT, uptime.address, GRACE),
    )
    feed.oracle.transact("set_source", 1, adapter.address, True, sender=feed.owner)
    feed.chain.advance(86_400)
    feed.next_slot()
    setup = Chainlink(feed, aggregator, uptime, adapter)
    setup.answer(100)
    return setup


@pytest.fixture
def declines(chainlink: Chainlink):
    """Nothing can be read, by this error, and nothing of the feed changes."""

    def check(error: str) -> None:
        before = chainlink.feed.words()
        with reverts(error):
            chainlink.adapter.call("answer")
        with reverts(error):
            chainlink.post()
        assert chainlink.feed.words() == before

    return check
