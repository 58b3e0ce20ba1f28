"""What is carried is what the contracts take: the oracle itself, and Pyth's adapter."""

import tempfile
from pathlib import Path

import pytest

from tests.harness.pyth import BTC_ID, SECRET, PriceUpdate, encode_update
from tests.unit.prices.built import Badly, hermes, serve
from tests.unit.prices.crew import MEMORY, NOW, ONE, SLOT, Crew
from tidegate.artifacts import artifact
from tidegate.client.price_message import Domain
from tidegate.local_accounts import local_address
from tidegate.prices.hermes import Hermes
from tidegate.prices.panel import SignedPrice
from tidegate.prices.pushing import OraclePusher
from tidegate.revm_chain import RevmChain
from tidegate.web3_chain import RpcError

PRICE = 60_000 * ONE
MAX_STEP = 10_000  # 1 % a slot


class Chain:
    """An oracle with the crew's signers, and a pusher for it."""

    def __init__(self, crew: Crew, monkeypatch) -> None:
        self.chain = RevmChain()
        self.chain.set_time(NOW)
        self.owner = local_address("owner")
        self.oracle = self.chain.deploy(
            artifact("PriceOracle"), self.owner, 4, list(crew.panel.signers), 3, 1
        )
        self.oracle.transact("set_feed", 1, 60, MAX_STEP, sender=self.owner)
        monkeypatch.setattr(
            "tests.unit.prices.crew.DOMAIN", Domain(self.chain.chain_id, self.oracle.address)
        )
        self.said: list[tuple[str, dict]] = []
        self.sender = local_address("pusher")
        self.pusher = OraclePusher(self.oracle, self.sender, 4, self.say)

    def say(self, event: str, **fields) -> None:
        self.said.append((event, fields))


@pytest.fixture
def crew(monkeypatch):
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        first = Crew(Path(folder) / "domain")
        first.close()
        chain = Chain(first, monkeypatch)
        made = Crew(Path(folder) / "crew")
        made.chain = chain
        yield made
        made.close()


def priced(crew: Crew, slot: int, price: int) -> SignedPrice:
    """What the crew signs for a slot, carried by its carrier."""
    for address in crew.panel.signers:
        crew.prices[address] = price
    crew.now = max(crew.now, crew.panel.begins(slot, 0))
    [attempt] = crew.run(slot=slot, views=1)
    crew.chain.chain.set_time(int(crew.now))
    return attempt.price


def test_what_signers_sign_is_what_the_oracle_takes(crew):
    chain = crew.chain
    ready = [priced(crew, SLOT, PRICE), priced(crew, SLOT + 1, PRICE + ONE)]
    assert chain.pusher.push(ready, crew.now) == 2
    assert chain.oracle.call("slot_price", 1, SLOT)[0] == PRICE
    assert chain.oracle.call("slot_price", 1, SLOT + 1)[0] == PRICE + ONE
    assert [event for event, _ in chain.said] == ["pushed", "pushed"]
    assert chain.pusher.push(ready, crew.now) == 0


def test_what_somebody_else_pushed_is_not_sent_again(crew):
    chain = crew.chain
    ready = [priced(crew, SLOT, PRICE)]
    chain.oracle.transact("push", *ready[0].arguments)
    assert chain.pusher.push(ready, crew.now) == 0
    assert chain.said == []
    assert (1, SLOT) in chain.pusher.stored


def test_a_jump_is_tried_again_until_the_guard_has_room(crew):
    chain = crew.chain
    first = priced(crew, SLOT, PRICE)
    assert chain.pusher.push([first], crew.now) == 1
    jump = [priced(crew, SLOT + 1, PRICE * 103 // 100)]
    assert chain.pusher.push(jump, crew.now) == 0
    assert chain.said[-1] == ("refused", {"feed": 1, "slot": SLOT + 1, "why": "BadPrice"})
    said = len(chain.said)
    assert chain.pusher.push(jump, crew.now + 1) == 0
    assert len(chain.said) == said, "not before a slot has passed"
    # two slots later the room is 3 %, and then the late one passes too
    jump.append(priced(crew, SLOT + 3, PRICE * 103 // 100))
    assert chain.pusher.push(jump, crew.now) == 1
    crew.now += 4
    chain.chain.set_time(int(crew.now))
    # this chain counts no calls: with the same nonce it would be the transaction refused above
    chain.chain.set_nonce(chain.sender, 9)
    assert chain.pusher.push(jump, crew.now) == 1
    assert chain.oracle.call("slot_price", 1, SLOT + 1)[0] == PRICE * 103 // 100


def test_a_node_that_fails_is_told_without_its_words(crew, monkeypatch):
    chain = crew.chain
    ready = [priced(crew, SLOT, PRICE)]

    def down(*_):
        raise RpcError("https://node.example/v3/secret-key: over quota")

    with monkeypatch.context() as patched:
        patched.setattr(chain.chain, "count", down)
        assert chain.pusher.push(ready, crew.now) == 0
    assert chain.said == [("node failed", {"why": "RpcError"})]
    assert chain.pusher.push(ready, crew.now) == 1


def test_a_hermes_update_prices_a_slot_of_pyth_s_adapter(crew):
    chain = crew.chain
    double = chain.chain.deploy(artifact("PythDouble"), SECRET, 0)
    adapter = chain.chain.deploy(
        artifact("PythFeed"), chain.oracle.address, double.address, 1, BTC_ID, 2_000
    )
    chain.oracle.transact("set_source", 1, adapter.address, False, sender=chain.owner)
    data = encode_update([PriceUpdate(6_012_345_678_900, NOW, NOW - 1)])
    answer = hermes(NOW, data=data)
    answer["parsed"][0]["id"] = BTC_ID.hex()
    with serve(Badly(answer)) as url:
        update = Hermes(1, url, BTC_ID.hex()).update(SLOT, 4)
    adapter.transact("post", SLOT, update.data)
    # the adapter reads the data, we read the JSON: both must say the same
    assert chain.oracle.call("slot_price", 1, SLOT)[0] == update.observation.price
