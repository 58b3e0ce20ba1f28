"""Carries messages between signers until a slot has a quorum. It has no key and no say.

One view: ask its leader for a proposal, bring it to all signers for their votes, bring a quorum of
votes to all signers for their signatures. Whoever has signed already shows its certificate, and
that is carried on instead. Whatever an answer is, only its signatures count.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from tidegate.client.price_message import PriceMessage
from tidegate.prices.panel import (
    PROPOSAL,
    VOTE,
    Bid,
    Certificate,
    Malformed,
    Panel,
    SignedPrice,
    signature_of,
)
from tidegate.prices.signer import No

T = TypeVar("T")
_REASONS = frozenset(map(str, No))
PROPOSE, VOTE_PATH, SIGN = "/v1/propose", "/v1/vote", "/v1/sign"
REMEMBERED = 4096  # proposals and certificates, the newest


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a signer: JSON, or why there is none."""

    signer: str
    body: Any = None
    fault: str = ""


class Transport(Protocol):
    """Brings a question to several signers; answers in the order they come."""

    def __call__(self, path: str, bodies: Mapping[str, Any]) -> Iterator[Answer]: ...


@dataclass(slots=True)
class Attempt:
    """One view of one slot: what came of it, and what went wrong with whom."""

    feed: int
    slot: int
    view: int
    price: SignedPrice | None = None
    certificate: Certificate | None = None
    faults: list[tuple[str, str]] = field(default_factory=list)  # signer, what


class Carrier:
    """Carries for one panel. `on_double` is told (signer, first, second) when a leader signed two
    proposals for one view: proof of a faulty signer, with both signatures."""

    def __init__(
        self,
        panel: Panel,
        transport: Transport,
        on_double: Callable[[str, tuple[Bid, bytes], tuple[Bid, bytes]], None],
    ) -> None:
        self.panel = panel
        self._transport = transport
        self._on_double = on_double
        self._proposals: OrderedDict[tuple[int, int, int], tuple[Bid, bytes]] = OrderedDict()
        self._certificates: OrderedDict[tuple[int, int], Certificate] = OrderedDict()

    def attempt(self, feed: int, slot: int, view: int) -> Attempt:
        """Try one view, at most three questions to each signer."""
        # Once somebody may have signed by a certificate, no other one is made here.
        made = Attempt(feed, slot, view, certificate=self._certificates.get((feed, slot)))
        if made.certificate is None:
            proposal = self._proposal(made)
            if made.certificate is None and proposal is not None:
                self._gather_votes(made, *proposal)
        if made.certificate is not None:
            _remember(self._certificates, (feed, slot), made.certificate)
            self._gather_signatures(made, made.certificate)
        return made

    def _proposal(self, made: Attempt) -> tuple[Bid, bytes] | None:
        leader = self.panel.leader(made.slot, made.view)
        question = {"feed": made.feed, "slot": made.slot, "view": made.view}
        for answer in self._transport(PROPOSE, {leader: question}):
            body = self._read(made, answer)
            if body is None:
                continue
            try:
                bid, signature = Bid.from_json(body.get("bid")), signature_of(body.get("signature"))
            except Malformed as error:
                made.faults.append((leader, f"proposal: {error}"))
                continue
            if (bid.feed, bid.slot, bid.view) != (made.feed, made.slot, made.view):
                made.faults.append((leader, "proposal: of another slot or view"))
            elif not self.panel.is_by(leader, self.panel.typed(PROPOSAL, bid), signature):
                made.faults.append((leader, "proposal: bad signature"))
            else:
                return self._first(made, leader, bid, signature)
        return None

    def _first(self, made: Attempt, leader: str, bid: Bid, signature: bytes) -> tuple[Bid, bytes]:
        """The proposal to carry: of two the first, which some may have voted for."""
        key = (bid.feed, bid.slot, bid.view)
        first = _remember(self._proposals, key, (bid, signature))
        if first[0] != bid:
            made.faults.append((leader, "signed two proposals"))
            self._on_double(leader, first, (bid, signature))
        return first

    def _gather_votes(self, made: Attempt, bid: Bid, signature: bytes) -> None:
        body = {"bid": bid.to_json(), "signature": "0x" + signature.hex()}
        signable = self.panel.typed(VOTE, bid)
        votes: dict[str, bytes] = {}
        for answer in self._transport(VOTE_PATH, dict.fromkeys(self.panel.signers, body)):
            vote = self._signature(made, answer, "vote", signable)
            if made.certificate is not None:
                return
            if vote is not None:
                votes[answer.signer] = vote
            if len(votes) == self.panel.threshold:
                made.certificate = Certificate(bid, self._ascending(votes))
                return

    def _gather_signatures(self, made: Attempt, certificate: Certificate) -> None:
        message: PriceMessage = certificate.bid.message
        signable = self.panel.domain.signable(message)
        body = certificate.to_json()
        found: dict[str, bytes] = {}
        for answer in self._transport(SIGN, dict.fromkeys(self.panel.signers, body)):
            signature = self._signature(made, answer, "signature", signable)
            if signature is not None:
                found[answer.signer] = signature
            if len(found) == self.panel.threshold:
                joined = b"".join(signature for _, signature in self._ascending(found))
                made.price = SignedPrice(message, joined)
                return

    def _signature(self, made: Attempt, answer: Answer, what: str, signable: Any) -> bytes | None:
        body = self._read(made, answer)
        if body is None:
            return None
        try:
            signature = signature_of(body.get("signature"))
        except Malformed as error:
            made.faults.append((answer.signer, f"{what}: {error}"))
            return None
        if not self.panel.is_by(answer.signer, signable, signature):
            # of another key, another domain, or another message: an old slot's, say
            made.faults.append((answer.signer, f"{what}: bad signature"))
            return None
        return signature

    def _read(self, made: Attempt, answer: Answer) -> dict[str, Any] | None:
        """The body of an answer that is none of a refusal; a certificate in one is kept."""
        if answer.fault:
            made.faults.append((answer.signer, answer.fault))
            return None
        if not isinstance(answer.body, dict):
            made.faults.append((answer.signer, "no JSON object"))
            return None
        if "refused" not in answer.body:
            return answer.body
        reason = answer.body["refused"]
        # a name of the protocol or none: what a faulty signer writes ends in no log and no metric
        known = isinstance(reason, str) and reason in _REASONS
        made.faults.append((answer.signer, reason if known else "refused"))
        shown = answer.body.get("certificate")
        if shown is not None and made.certificate is None:
            try:
                certificate = Certificate.from_json(shown)
            except Malformed as error:
                made.faults.append((answer.signer, f"certificate: {error}"))
                return None
            of = (certificate.bid.feed, certificate.bid.slot)
            if of == (made.feed, made.slot) and self.panel.is_certified(certificate):
                made.certificate = certificate
            else:
                made.faults.append((answer.signer, "certificate: not of this slot, or no quorum"))
        return None

    def _ascending(self, by_signer: Mapping[str, bytes]) -> tuple[tuple[str, bytes], ...]:
        return tuple(
            (signer, by_signer[signer]) for signer in self.panel.signers if signer in by_signer
        )


def _remember(held: OrderedDict[Any, T], key: Any, value: T) -> T:
    """What is held for the key, from now on this if nothing was."""
    first = held.setdefault(key, value)
    while len(held) > REMEMBERED:
        held.popitem(last=False)
    return first
