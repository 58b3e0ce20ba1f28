"""A transaction that offers too little is replaced under its nonce, whatever crashes around it."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_account import Account
from eth_utils import keccak

from tidegate.artifacts import artifact
from tidegate.chain import Call, NodeError, Sealed
from tidegate.client.price_message import Domain, PriceMessage, PriceSigner, quorum
from tidegate.deployment import DeploymentConfig, DeploymentError, apply, default_markets
from tidegate.deployment.config import CONTRACTS
from tidegate.deployment.journal import Journal
from tidegate.fees import GWEI, Fees
from tidegate.revm_chain import RevmChain

walking = sys.modules["tidegate.deployment.apply"]
CALM, DEAR, CAP = 10 * GWEI, 80 * GWEI, 200 * GWEI
TRANSACTIONS = len(CONTRACTS) + 1 + 4  # creations, the token's too; two operations of two
JUMPS_AT = (
    0,
    4,
    len(CONTRACTS) + 1,
    TRANSACTIONS - 1,
)  # a first, a middle creation, the first call, the hand-over
KEYS = [Account.from_key(keccak(text=f"somebody's key {number}")) for number in range(7)]
CONFIG = DeploymentConfig(
    signers=tuple(key.address for key in KEYS[:4]),
    governors=(KEYS[4].address,),
    guardian=KEYS[5].address,
    markets=default_markets()[:1],
)


class Crash(BaseException):
    """The process ends here."""


class Market(RevmChain):
    """A chain on which gas has a price, with a pool that takes replacements as geth does."""

    local = False

    def __init__(self, jump: int | None = None) -> None:
        super().__init__(84532)
        self.sender = KEYS[6].address
        self.base = CALM
        self.jump = jump  # the nonce whose publication meets a jump of the base fee
        self.picky = False  # refuses what offers less than the base fee, as anvil does
        self.clock = 0.0
        self.pool: dict[int, Sealed] = {}
        self.mined: list[Sealed] = []
        self.offers: list[Fees] = []
        self.interactions = 0
        self.crash_at: int | None = None
        self.oracle = ""

    def touch(self) -> None:
        """One interaction with the world; the process may end at any."""
        self.interactions += 1
        if self.interactions == self.crash_at:
            raise Crash

    # What a node does

    def gas_price(self) -> tuple[int, int]:
        self.touch()
        return self.base, GWEI

    def count(self, sender: str) -> int:
        self.touch()
        return len(self.mined)

    def seal(self, call: Call, nonce: int, fees: Fees | None = None) -> Sealed:
        assert fees is not None
        if nonce < len(self.mined):
            assert call.gas, "what may be mined already cannot be estimated"
        text = f"{nonce} {call.to} {fees.most} {fees.tip}".encode()
        gas = call.gas or 16_000_000
        return Sealed(call, nonce, "0x" + keccak(text + call.data).hex(), b"", gas, fees)

    def publish(self, sealed: Sealed) -> None:
        self.touch()
        if sealed.nonce == self.jump:
            self.jump, self.base = None, DEAR
        if not self.knows(sealed.tx_hash):
            self._take(sealed)
        self.touch()

    def _take(self, sealed: Sealed) -> None:
        if sealed.nonce < len(self.mined):
            raise NodeError("nonce too low")
        if self.picky and sealed.fees.most < self.base:
            raise NodeError("max fee per gas less than block base fee")
        if held := self.pool.get(sealed.nonce):
            pairs = ((held.fees.most, sealed.fees.most), (held.fees.tip, sealed.fees.tip))
            if any(after * 10 < before * 11 for before, after in pairs):
                raise NodeError("replacement transaction underpriced")
        self.pool[sealed.nonce] = sealed
        self.offers.append(sealed.fees)

    def knows(self, tx_hash: str) -> bool:
        waiting = any(sealed.tx_hash == tx_hash for sealed in self.pool.values())
        return waiting or super().knows(tx_hash)

    def outcome(self, tx_hash: str, call: Call | None = None):
        self.touch()
        receipt = super().outcome(tx_hash, call)
        return receipt and replace(receipt, tx_hash=tx_hash)

    # Time

    def monotonic(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.touch()
        self.clock += seconds
        self.set_time(self.time() + max(1, int(seconds)))
        self._mine()
        if len(self.mined) == TRANSACTIONS - 2 and self.oracle:
            self._first_price()

    def _mine(self) -> None:
        while sealed := self.pool.get(len(self.mined)):
            if sealed.fees.most < self.base:
                return
            self.pool.pop(sealed.nonce)
            if not sealed.call.to:
                self.set_nonce(self.sender, sealed.nonce)
            self.mined.append(sealed)
            super().publish(sealed)

    def _first_price(self) -> None:
        """The signers are alive."""
        oracle = self.contract(artifact("PriceOracle"), self.oracle)
        now = self.time()
        message = PriceMessage(1, now // CONFIG.slot_seconds, 60_000 * 10**18, now)
        signers = [PriceSigner(key, Domain(self.chain_id, self.oracle)) for key in KEYS[:3]]
        arguments = (1, message.slot, message.price, now, quorum(signers, message))
        oracle.transact("push", *arguments, sender=KEYS[5].address)
        self.set_time(now + 1)
        self.oracle = ""


@pytest.fixture
def market(monkeypatch) -> Callable[..., Market]:
    """Makes chains; time and the manifest's writes go through the last one made."""
    write = Journal.write

    def touched(journal: Journal) -> None:
        journal.chain.touch()
        write(journal)
        if entry := journal.content["contracts"].get("PriceOracle"):
            journal.chain.oracle = entry["address"]
        journal.chain.touch()

    def make(jump: int | None = None) -> Market:
        chain = Market(jump)
        monkeypatch.setattr(walking, "time", chain)
        monkeypatch.setattr(Journal, "write", touched)
        return chain

    return make


def _manifest(folder) -> dict:
    return json.loads((folder / "84532.json").read_text())


def _finished(chain: Market, folder) -> None:
    manifest = _manifest(folder)
    assert manifest["complete"]
    assert [sealed.nonce for sealed in chain.mined] == list(range(TRANSACTIONS))
    sent = [step for step in manifest["steps"].values() if step["tx"]]
    assert [step["tx"] for step in sent] == [[sealed.tx_hash] for sealed in chain.mined]
    assert not [step for step in sent if "offer" in step]
    assert not chain.pool
    assert max(fees.most for fees in chain.offers) <= CAP


@pytest.mark.parametrize("picky", [False, True], ids=["it waits", "it is refused"])
@pytest.mark.parametrize("at", JUMPS_AT)
def test_a_jump_of_the_base_fee_is_survived(market, tmp_path, at, picky):
    chain = market(at)
    chain.picky = picky
    apply(chain, CONFIG, tmp_path)
    _finished(chain, tmp_path)
    assert chain.mined[at].fees == Fees(2 * DEAR + GWEI, GWEI * 9 // 8)
    assert len(chain.offers) == TRANSACTIONS + (not picky)


@pytest.mark.parametrize("at", JUMPS_AT)
def test_a_crash_at_every_interaction_around_a_replacement(market, tmp_path, at):
    def life(folder, crash_at: int | None) -> Market:
        chain = market(at)
        chain.crash_at = crash_at
        if crash_at is None:
            apply(chain, CONFIG, folder)
        else:
            with pytest.raises(Crash):
                apply(chain, CONFIG, folder)
            apply(chain, CONFIG, folder)
        _finished(chain, folder)
        return chain

    chain = market(at)
    bounds = []
    publish = chain.publish

    def noted(sealed: Sealed) -> None:
        bounds.append((chain.interactions, sealed.nonce))
        publish(sealed)

    chain.publish = noted
    apply(chain, CONFIG, tmp_path / "whole")
    first, last = (f(n for n, nonce in bounds if nonce == at) for f in (min, max))
    assert last > first, "it was replaced"
    # From before the first offer is written down to after the step is confirmed.
    for crash_at in (*range(first - 3, first + 6), *range(last - 8, last + 8)):
        life(tmp_path / str(crash_at), crash_at)


def test_every_next_offer_is_written_down_before_it_is_sent(market, tmp_path):
    chain = market(4)
    publish = chain.publish

    def checked(sealed: Sealed) -> None:
        [entry] = [s for s in _manifest(tmp_path)["steps"].values() if s["state"] == "sent"]
        assert entry["tx"][-1] == sealed.tx_hash
        assert entry["offer"] == {
            "gas": sealed.gas,
            "most": sealed.fees.most,
            "tip": sealed.fees.tip,
        }
        publish(sealed)

    chain.publish = checked
    apply(chain, CONFIG, tmp_path)


def test_offers_end_at_the_cap_and_go_on_with_a_higher_one(market, tmp_path):
    chain = market(4)
    with pytest.raises(DeploymentError, match=r"not mined after 300 s: apply again"):
        apply(chain, CONFIG, tmp_path, max_fee=50 * GWEI)
    assert max(fees.most for fees in chain.offers) <= 50 * GWEI
    [waiting] = chain.pool.values()
    with pytest.raises(DeploymentError, match="not mined after 300 s"):
        apply(chain, CONFIG, tmp_path, max_fee=50 * GWEI)
    assert [sealed.nonce for sealed in chain.pool.values()] == [waiting.nonce]
    apply(chain, CONFIG, tmp_path, max_fee=CAP)
    _finished(chain, tmp_path)


def test_nothing_is_sent_while_gas_costs_more_than_the_limit(market, tmp_path):
    chain = market()
    said = []
    with pytest.raises(DeploymentError, match=r"gas costs 10 gwei, the limit 9 gwei is too low: "):
        apply(chain, CONFIG, tmp_path, max_fee=9 * GWEI, say=said.append)
    assert not chain.offers
    assert said == ["create-Timelock: gas costs 10 gwei, the limit 9 gwei is too low: waiting"] * 7
    apply(chain, CONFIG, tmp_path, max_fee=11 * GWEI)
    assert {fees.most for fees in chain.offers} == {11 * GWEI}


def test_what_the_node_lost_at_the_cap_is_sent_again_as_it_was(market, tmp_path):
    chain = market()
    cap = 11 * GWEI
    chain.crash_at = 12  # an interaction with the node in the middle
    with pytest.raises(Crash):
        apply(chain, CONFIG, tmp_path, max_fee=cap)
    [[nonce, waiting]] = chain.pool.items()
    chain.pool.clear()
    apply(chain, CONFIG, tmp_path, max_fee=cap)
    assert chain.mined[nonce].tx_hash == waiting.tx_hash


def test_a_replacement_that_comes_too_late_is_no_harm(market, tmp_path):
    """The first transaction is mined between the look and the second publication."""
    chain = market(4)
    publish, said = chain.publish, []

    def late(sealed: Sealed) -> None:
        if sealed.nonce in chain.pool:
            chain.base = CALM
            chain._mine()
        publish(sealed)

    chain.publish = late
    apply(chain, CONFIG, tmp_path, say=said.append)
    _finished(chain, tmp_path)
    assert [
        text for text in said if "the node keeps the transaction it has (nonce too low)" in text
    ]
    assert chain.mined[4].fees == Fees(2 * CALM + GWEI, GWEI)


def test_a_first_offer_that_is_refused_for_another_reason_ends_the_run(market, tmp_path):
    chain = market()

    def broke(sealed: Sealed) -> None:
        raise NodeError("insufficient funds for gas * price + value")

    chain.publish = broke
    with pytest.raises(NodeError, match="insufficient funds"):
        apply(chain, CONFIG, tmp_path)
    del chain.publish
    apply(chain, CONFIG, tmp_path)
    _finished(chain, tmp_path)
