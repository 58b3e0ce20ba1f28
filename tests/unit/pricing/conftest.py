"""An oracle with four signers, three needed, one of whom may lie, and one listed feed."""

from dataclasses import dataclass, replace

import pytest
from eth_account import Account

from tests.harness.relay import Relay
from tidegate.artifacts import artifact, from_source
from tidegate.chain import Contract, Receipt
from tidegate.client.price_message import Domain, PriceMessage, PriceSigner
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec.rounding import WAD

SLOT_SECONDS = 4
FEED = 1
MAX_AGE = 60
MAX_STEP = 10_000  # 1 % a slot
PRICE = 100 * WAD


def local_signers(domain: Domain, count: int) -> list[PriceSigner]:
    """Keys 1, 2, ... in order of their addresses."""
    accounts = [Account.from_key(key.to_bytes(32, "big")) for key in range(1, count + 1)]
    accounts.sort(key=lambda account: int(account.address, 16))
    return [PriceSigner(account, domain) for account in accounts]


@dataclass
class Feed:
    """What a pusher of one feed does; messages are signed by the first three signers."""

    chain: RevmChain
    oracle: Contract
    domain: Domain
    signers: list[PriceSigner]
    owner: str
    pusher: str
    feed: int = FEED
    slot_seconds: int = SLOT_SECONDS

    @property
    def now(self) -> int:
        return self.chain.time()

    @property
    def slot(self) -> int:
        """The slot that is open."""
        return self.now // self.slot_seconds

    def next_slot(self, slots: int = 1) -> int:
        """Go to the start of a later slot."""
        self.chain.set_time((self.slot + slots) * self.slot_seconds)
        return self.slot

    def message(
        self, price: int = PRICE, slot: int | None = None, published: int | None = None
    ) -> PriceMessage:
        """By default of the open slot, published at its start."""
        slot = self.slot if slot is None else slot
        if published is None:
            published = slot * self.slot_seconds
        return PriceMessage(self.feed, slot, price, published)

    def signatures(
        self,
        message: PriceMessage,
        by: list[PriceSigner] | None = None,
        domain: Domain | None = None,
    ) -> list[bytes]:
        """By signers that forget what they signed: an attacker's, or the same in another try."""
        by = self.signers[:3] if by is None else by
        domain = self.domain if domain is None else domain
        return [replace(signer, domain=domain, signed={}).sign(message) for signer in by]

    def send(self, message: PriceMessage, signatures: list[bytes] | None = None) -> Receipt:
        """Signatures in the order given."""
        signatures = self.signatures(message) if signatures is None else signatures
        return self.oracle.transact(
            "push",
            message.feed,
            message.slot,
            message.price,
            message.published,
            b"".join(signatures),
            sender=self.pusher,
        )

    def push(
        self, price: int = PRICE, slot: int | None = None, published: int | None = None
    ) -> Receipt:
        return self.send(self.message(price, slot, published))

    def latest(self) -> tuple[int, bool]:
        return tuple(self.oracle.call("latest", self.feed))

    def slot_price(self, slot: int) -> tuple[int, int]:
        return tuple(self.oracle.call("slot_price", self.feed, slot))

    def marks(self, slot: int = 0) -> tuple[int, bool, int]:
        """The slot's price, whether the price in force is fresh, and that."""
        word = self.oracle.call("marks", self.feed, slot)
        return word & 2**90 - 1, word >> 90 & 1 == 1, word >> 91

    def words(self) -> tuple[int, list[int]]:
        """Every word of the feed: nothing changed if they are equal."""
        ring = [self.oracle.call("slot_word", self.feed, slot) for slot in range(128)]
        return self.oracle.call("latest_word", self.feed), ring


@pytest.fixture
def chain() -> RevmChain:
    return RevmChain()


@pytest.fixture
def owner() -> str:
    return local_address("owner")


@pytest.fixture
def attacker() -> str:
    return local_address("attacker")


@pytest.fixture
def keys() -> list[PriceSigner]:
    """Four signers and two strangers, ascending; the domain is not theirs yet."""
    return local_signers(Domain(0, ""), 6)


@pytest.fixture
def oracle(chain: RevmChain, owner: str, keys: list[PriceSigner]) -> Contract:
    addresses = [signer.account.address for signer in keys[:4]]
    contract = chain.deploy(artifact("PriceOracle"), owner, SLOT_SECONDS, addresses, 3, 1)
    contract.transact("set_feed", FEED, MAX_AGE, MAX_STEP, sender=owner)
    return contract


@pytest.fixture
def feed(chain: RevmChain, oracle: Contract, owner: str, keys: list[PriceSigner]) -> Feed:
    domain = Domain(chain.chain_id, oracle.address)
    signers = [replace(signer, domain=domain) for signer in keys]
    return Feed(chain, oracle, domain, signers, owner, local_address("pusher"))


@pytest.fixture
def relay(chain: RevmChain) -> Relay:
    """A contract that may be a feed's source: it calls what it is told."""
    return Relay(chain)


METER = """
# pragma version ==0.4.3
# pragma evm-version cancun
@external
def spent(target: address, data: Bytes[8192]) -> uint256:
    before: uint256 = msg.gas
    ok: bool = raw_call(target, data, revert_on_failure=False)
    assert not ok
    return before - msg.gas
"""


@pytest.fixture
def spent(chain: RevmChain):
    """The gas that a call which fails has burnt, of more than it may need."""
    meter = chain.deploy(from_source(METER, "Meter"))

    def measure(target: Contract, fn: str, *args) -> int:
        data = target.encode(fn, *args)
        return meter.transact("spent", target.address, data, gas=50_000_000).returned

    return measure


@pytest.fixture
def priced(feed: Feed) -> Feed:
    """The feed with PRICE in force, at the start of the slot after the one that gave it."""
    feed.push(PRICE)
    feed.next_slot()
    return feed


@pytest.fixture
def refuses(feed: Feed):
    """Call and expect an error by name, and that no word of the feed changed."""
    from tidegate.client.errors import ProtocolError

    def check(error: str, action, *args, **kwargs) -> None:
        before = feed.words()
        with pytest.raises(ProtocolError) as refusal:
            action(*args, **kwargs)
        assert refusal.value.name == error
        assert feed.words() == before

    return check
