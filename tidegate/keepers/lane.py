"""One address before a node's mempool: its nonces, its fees, what is under way, what is stuck.

What it promises:

- nonces are given out here, one after another; the chain is asked for them only at the start and
  when it says that one was used by somebody else with the same key. A nonce that was given out and
  not used is filled by a transfer of nothing to itself, so that later ones are not held up;
- a transaction is written to the store before it is sent, so whoever restarts knows its hash, does
  not send its items again, and goes on waiting, raising and cancelling;
- one that waits longer than `patience` is tried again: where the contracts would refuse it by now,
  or its fees cannot rise further, it is cancelled; else it is offered at an eighth more. Nothing
  ever offers more than `cap`; the last eighth below it is kept for cancelling;
- a transaction that a node has not is sent again, to all nodes; one whose block was undone counts
  as under way again until `depth` blocks are on top of it.

Its clock is monotonic and only measures patience.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from tidegate.abi import checksum
from tidegate.chain import Call, Receipt
from tidegate.client.errors import ProtocolError
from tidegate.fees import GWEI, Fees, offer
from tidegate.keepers.endpoints import Block, Endpoints, NoEndpoint
from tidegate.keepers.sender import CANCELLED, NODE, TAKEN, TOO_DEAR
from tidegate.keepers.store import Row, Store
from tidegate.keepers.view import View, refusal, unsupported
from tidegate.keepers.wire import Landed
from tidegate.web3_chain import RpcError, Web3Chain

PLAIN_GAS = 21_000  # of a transfer, where the node does not say
MOST_GAS = 100_000_000  # of a transaction, a rollup's charge for data included
TAKEN_AFTER = 10.0  # seconds without a receipt for a nonce that was used
TIP_FOR = 15.0  # seconds for which an answer about tips is good
MOST_UNKNOWN = 10_000  # transactions that wait: no pool keeps so many of one sender
SAY_EVERY = 30.0  # seconds between two lines about the same refusal of a node
DEPTH = 64  # blocks after which a transaction is not looked at again


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be offered and how long is waited. Wei per gas, seconds."""

    cap: int = 200 * GWEI
    least_tip: int = 0
    patience: float = 12.0
    gas_factor: float = 2.0  # limit over the estimate or what was used before
    most: int = 256  # transactions under way at once


@dataclass
class Flight:
    """A nonce and everything that was sent with it."""

    nonce: int
    items: tuple[str, ...]
    call: Call
    gas: int
    tries: list[tuple[str, str, Fees]]  # hash, signed, what it offers; newest last
    since: float  # of the newest try
    cancelled: bool = False  # the newest try moves nothing
    used_since: float | None = None  # the nonce is used and no receipt is known
    block: int | None = None
    stuck: bool = False  # at the cap

    @property
    def ticket(self) -> int:
        return self.nonce

    @property
    def fees(self) -> Fees:
        return self.tries[-1][2]


@dataclass
class Lane:
    """See the module. `dry` never signs: only `simulate` and `price` may be asked."""

    chain: Web3Chain
    rpc: Endpoints
    account: LocalAccount | None
    store: Store
    terms: Terms = Terms()
    clock: Callable[[], float] = time.monotonic
    say: Callable[..., None] = lambda event, **facts: None
    flights: dict[int, Flight] = field(default_factory=dict, init=False)
    mined: dict[int, Flight] = field(default_factory=dict, init=False)
    next: int = field(default=0, init=False)
    replaced: int = field(default=0, init=False)
    cancelled: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.address = self.account.address if self.account else self.chain.sender
        self._busy: dict[str, int] = {}
        self._holes: dict[int, float] = {}  # nonce -> when it is to be filled
        self._gas: dict[tuple[str, bytes, int], int] = {}
        self._tip: tuple[float, int] = (float("-inf"), 0)
        self.view = View(self.rpc, self.address, self.say)
        self._landed: list[Landed] = []
        self._said: dict[str, float] = {}
        self.recover()

    # At the start

    def recover(self) -> None:
        """Take up what an earlier life left: its transactions, and nonces it did not write down."""
        self.flights.clear()
        self.mined.clear()
        self._busy.clear()
        self._holes.clear()
        if self.account is None:
            return
        now = self.clock()
        for row in self.store.outbox():
            call = Call(row.to, row.data, self.address, what=row.label)
            tries = [(tx, raw, Fees(most, tip)) for tx, raw, most, tip in row.tries]
            self._track(Flight(row.nonce, row.items, call, row.gas, tries, now, row.cancelled))
        latest, pending = self._count("latest"), self._count("pending")
        if not latest <= pending <= latest + MOST_UNKNOWN:
            raise NoEndpoint(f"a node says {latest} transactions, with those that wait {pending}")
        self.next = max([latest, pending, *(nonce + 1 for nonce in self.flights)])
        # Somebody sent these with this key and did not write it down: they may still be mined.
        for nonce in range(latest, self.next):
            if nonce not in self.flights:
                self._holes[nonce] = now + self.terms.patience
        if self.flights or self._holes:
            self.say("recovered", under_way=sorted(self.flights), unknown=sorted(self._holes))

    def reset(self) -> None:
        """The chain is another: nothing that was sent on the old one counts."""
        self.store.drop([*self.flights, *self.mined])
        self._gas.clear()
        self.recover()

    def _count(self, block: str) -> int:
        return int(self.rpc("eth_getTransactionCount", self.address, block), 16)

    # Wire

    @property
    def waiting(self) -> int:
        return len(self.flights)

    def busy(self, item: str) -> bool:
        return item in self._busy

    def simulate(self, calls: Sequence[Call]) -> list[bytes | ProtocolError]:
        return self.view.results(calls)

    def _head(self) -> Block:
        head = self.rpc.chosen().head
        return head if head is not None else self.rpc.head()

    def price(self, call: Call) -> int:
        fees = self._offer(self.terms.cap)
        gas = self._limit(call) / self.terms.gas_factor
        base = self._head().base_fee
        return int(gas * (base + fees.tip if fees else self.terms.cap))

    def dispatch(
        self, calls: Sequence[Call], items: Sequence[tuple[str, ...]]
    ) -> list[int | ProtocolError]:
        fees = self._offer(self._ceiling)
        if fees is None:
            return [ProtocolError(TOO_DEAR, b"", call.what) for call in calls]
        # Nodes are asked before nonces are given out: one that is not used holds up the later ones.
        limits = [self._limit_or_refusal(call) for call in calls]
        room = max(0, self.terms.most - len(self.flights))
        answers: list[int | ProtocolError] = []
        made: list[Flight] = []
        for call, about, gas in zip(calls, items, limits, strict=True):
            if isinstance(gas, ProtocolError):
                answers.append(gas)
                continue
            if len(made) == room:
                answers.append(ProtocolError(NODE, b"", f"{call.what}: too many under way"))
                continue
            flight = Flight(self.next, about, call, gas, [], self.clock())
            self.next += 1
            self._sign(flight, fees)
            made.append(flight)
            answers.append(flight.ticket)
        self.store.put(map(_row, made))
        for flight in made:
            self._track(flight)
        refused = self._publish(made, first=True)
        return [
            refused.get(answer, answer) if isinstance(answer, int) else answer for answer in answers
        ]

    def poll(self) -> list[Landed]:
        landed, self._landed = self._landed, []
        if not self.flights and not self._holes:
            return landed
        latest = self._count("latest")
        landed += self._look(latest)
        self._raise(latest)
        self._fill(latest)
        return landed

    # The chain's turns

    def settle(self, number: int) -> None:
        """Blocks up to this one will not be undone."""
        deep = [nonce for nonce, one in self.mined.items() if (one.block or 0) <= number]
        for nonce in deep:
            del self.mined[nonce]
        if deep:
            self.store.drop(deep)

    def undo_to(self, number: int) -> None:
        """Later blocks are gone: their transactions are under way again."""
        for nonce, flight in list(self.mined.items()):
            if (flight.block or 0) > number:
                del self.mined[nonce]
                flight.block, flight.since = None, self.clock()
                self._track(flight)
                self.say("transaction undone", nonce=nonce, items=flight.items)

    def balance(self) -> int:
        """Wei."""
        return int(self.rpc("eth_getBalance", self.address, "latest"), 16)

    def stuck(self) -> list[Flight]:
        """Under way at the cap and still not mined."""
        return [flight for flight in self.flights.values() if flight.stuck]

    # Fees and gas

    @property
    def _ceiling(self) -> int:
        """The most an action offers: a cancel must be able to offer an eighth more."""
        return self.terms.cap * 8 // 9

    def _offer(self, cap: int, before: Fees | None = None) -> Fees | None:
        at, tip = self._tip
        if self.clock() - at > TIP_FOR:
            try:
                tip = int(self.rpc("eth_maxPriorityFeePerGas"), 16)
            except RpcError:
                tip = self.terms.least_tip
            self._tip = (self.clock(), tip)
        return offer(self._head().base_fee, max(tip, self.terms.least_tip), cap, before)

    def _limit_or_refusal(self, call: Call) -> int | ProtocolError:
        try:
            return call.gas or self._limit(call)
        except ProtocolError as refused:
            return refused

    def _limit(self, call: Call) -> int:
        """Estimated once per function and size of its arguments, and raised by what was used.

        NoEndpoint if the estimate cannot be one: it would be kept.
        """
        key = (call.to, call.data[:4], len(call.data))
        if key not in self._gas:
            request = self.view.request(call)
            try:
                estimate = int(self.rpc("eth_estimateGas", *request), 16)
            except RpcError as error:
                if not unsupported(error):
                    raise refusal(error, call) from None
                estimate = int(self.rpc("eth_estimateGas", *request[:2]), 16)
            if not PLAIN_GAS <= estimate <= MOST_GAS:
                raise NoEndpoint(f"{call.what}: a node says that it takes {estimate} gas")
            self._gas[key] = estimate
        return int(self._gas[key] * self.terms.gas_factor)

    def _learn(self, flight: Flight, receipt: dict[str, Any]) -> None:
        used = int(receipt["gasUsed"], 16)
        key = (flight.call.to, flight.call.data[:4], len(flight.call.data))
        if used * 64 >= flight.gas * 63:  # it may have had too little
            used = 2 * used
        if key in self._gas:
            self._gas[key] = max(self._gas[key], used)

    # Signing and sending

    def _sign(self, flight: Flight, fees: Fees) -> None:
        if self.account is None:
            raise RuntimeError("a dry run does not sign")
        transaction: dict[str, Any] = {
            "type": 2,
            "chainId": self.chain.chain_id,
            "nonce": flight.nonce,
            "maxFeePerGas": fees.most,
            "maxPriorityFeePerGas": fees.tip,
            "to": checksum(self.address if flight.cancelled else flight.call.to),
            "data": b"" if flight.cancelled else flight.call.data,
            "value": 0,
            "gas": self._plain_gas() if flight.cancelled else flight.gas,
        }
        raw = bytes(self.account.sign_transaction(transaction).raw_transaction)
        flight.tries.append(("0x" + keccak(raw).hex(), "0x" + raw.hex(), fees))
        flight.since = self.clock()

    def _plain_gas(self) -> int:
        try:
            request = {"from": self.address, "to": self.address}
            return max(PLAIN_GAS, int(self.rpc("eth_estimateGas", request), 16))
        except RpcError:
            return PLAIN_GAS

    def _publish(
        self, flights: Sequence[Flight], widely: bool = False, first: bool = False
    ) -> dict[int, ProtocolError]:
        """Send the newest try of each; of a first try, errors of those not taken, by nonce."""
        if not flights:
            return {}
        requests = [("eth_sendRawTransaction", [flight.tries[-1][1]]) for flight in flights]
        try:
            answers = self.rpc.everywhere(requests) if widely else self.rpc.many(requests)
        except NoEndpoint:
            return {}  # it may have arrived: `poll` finds out
        refused: dict[int, ProtocolError] = {}
        for flight, answer in zip(flights, answers, strict=True):
            if not isinstance(answer, RpcError):
                continue
            text = str(answer).lower()
            if "already" in text or "known transaction" in text:
                continue
            if "underpriced" in text:
                flight.since = float("-inf")  # raised by the next poll
                continue
            if "nonce too low" in text:
                newest = flight.tries[-1][0]
                if first and self.rpc("eth_getTransactionReceipt", newest) is None:
                    # Not mined by another node just now: somebody else sends with this key.
                    refused[flight.nonce] = ProtocolError(TAKEN, b"", flight.call.what)
                    self._drop(flight)
                    self.next = max(self.next, self._count("pending"))
                continue
            if not first:
                continue  # the earlier try stands
            if self.clock() - self._said.get(text, float("-inf")) > SAY_EVERY:
                self._said = {text: self.clock()}
                self.say("node refuses", why=str(answer), nonce=flight.nonce, items=flight.items)
            refused[flight.nonce] = ProtocolError(NODE, b"", f"{flight.call.what}: {answer}")
            self._drop(flight)
            self._holes[flight.nonce] = self.clock()
        # Nonces at the end that nobody used are given out again.
        while self.next - 1 in self._holes and self.next - 1 in refused:
            self.next -= 1
            del self._holes[self.next]
        return refused

    # Following

    def _track(self, flight: Flight) -> None:
        self.flights[flight.nonce] = flight
        for item in flight.items:
            self._busy[item] = flight.nonce

    def _release(self, flight: Flight) -> None:
        self.flights.pop(flight.nonce, None)
        for item in flight.items:
            if self._busy.get(item) == flight.nonce:
                del self._busy[item]

    def _drop(self, flight: Flight) -> None:
        self._release(flight)
        self.store.drop([flight.nonce])

    def _look(self, latest: int) -> list[Landed]:
        """Receipts of the nonces that are used."""
        used = [flight for nonce, flight in sorted(self.flights.items()) if nonce < latest]
        hashes = [(flight, tx_hash) for flight in used for tx_hash, _, _ in flight.tries]
        answers = self.rpc.many([("eth_getTransactionReceipt", [tx]) for _, tx in hashes])
        receipts: dict[int, dict[str, Any]] = {}
        for (flight, tx_hash), answer in zip(hashes, answers, strict=True):
            if isinstance(answer, dict) and answer.get("transactionHash") == tx_hash:
                receipts[flight.nonce] = answer
        landed = []
        now = self.clock()
        for flight in used:
            receipt = receipts.get(flight.nonce)
            if receipt is not None:
                landed.append(self._mined(flight, receipt))
            elif flight.used_since is None:
                flight.used_since = now
            elif now - flight.used_since > TAKEN_AFTER:
                self._drop(flight)
                self.say("nonce taken", nonce=flight.nonce, items=flight.items)
                error = ProtocolError(TAKEN, b"", flight.call.what)
                landed.append(Landed(flight.ticket, flight.items, error=error))
        return landed

    def _mined(self, flight: Flight, answer: dict[str, Any]) -> Landed:
        self._release(flight)
        flight.block = int(answer["blockNumber"], 16)
        flight.stuck = False
        self.mined[flight.nonce] = flight
        ours = (answer.get("to") or "").lower() == flight.call.to.lower()
        if not ours:  # it was the transfer to itself that was mined
            error = ProtocolError(CANCELLED, b"", flight.call.what)
            return Landed(flight.ticket, flight.items, error=error)
        self._learn(flight, answer)
        try:
            receipt: Receipt = self.chain.outcome_of(answer, flight.call)
        except ProtocolError as refusal:
            return Landed(flight.ticket, flight.items, error=refusal)
        return Landed(flight.ticket, flight.items, receipt=receipt)

    def _raise(self, latest: int) -> None:
        """Replace the first that waits too long; send again what others a node may have lost."""
        now = self.clock()
        late = [
            flight
            for nonce, flight in sorted(self.flights.items())
            if nonce >= latest and now - flight.since > self.terms.patience
        ]
        if not late:
            return
        base = self._head().base_fee
        again: list[Flight] = []
        for flight in late:
            first = flight.nonce == latest
            if first or flight.fees.most < base or flight.since == float("-inf"):
                self._replace(flight)
            else:
                flight.since = now
            again.append(flight)
        self.store.put(map(_row, again))
        self._publish(again, widely=True)

    def _replace(self, flight: Flight) -> None:
        before = flight.fees
        if not flight.cancelled:
            [verdict] = self.simulate([flight.call])
            fees = self._offer(self._ceiling, before)
            refused = isinstance(verdict, ProtocolError) and verdict.name != NODE
            if not refused and fees is not None:
                self._sign(flight, fees)
                self.replaced += 1
                self.say("fees raised", nonce=flight.nonce, most=fees.most, items=flight.items)
                return
            flight.cancelled = True
            self.cancelled += 1
            why = str(verdict) if refused else "its fees are at the cap"
            self.say("cancelling", nonce=flight.nonce, why=why, items=flight.items)
        fees = self._offer(self.terms.cap, before)
        if fees is None:
            flight.stuck = True
            flight.since = self.clock()
            self.say("stuck at the cap", nonce=flight.nonce, most=before.most, items=flight.items)
            return
        self._sign(flight, fees)

    def _fill(self, latest: int) -> None:
        """Use up nonces that nothing of ours is under way with."""
        now = self.clock()
        self._holes = {nonce: at for nonce, at in self._holes.items() if nonce >= latest}
        due = [nonce for nonce, at in self._holes.items() if at <= now]
        fees = self._offer(self.terms.cap) if due else None
        if fees is None:
            return
        made = []
        for nonce in sorted(due):
            del self._holes[nonce]
            nothing = Call(self.address, b"", self.address, what=f"nonce {nonce}")
            flight = Flight(nonce, (), nothing, PLAIN_GAS, [], now, cancelled=True)
            self._sign(flight, fees)
            made.append(flight)
            self._track(flight)
            self.say("filling a nonce", nonce=nonce)
        self.store.put(map(_row, made))
        self._publish(made)


def _row(flight: Flight) -> Row:
    return Row(
        flight.nonce,
        flight.items,
        flight.call.to,
        flight.call.data,
        flight.gas,
        flight.call.what,
        tuple((tx, raw, fees.most, fees.tip) for tx, raw, fees in flight.tries),
        flight.cancelled,
    )
