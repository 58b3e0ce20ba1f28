"""The signers of one oracle, and what they say to each other: proposals, votes, certificates.

Proposals and votes are signed in the oracle's EIP-712 domain under types of their own, which no
contract takes: only a PriceMessage moves a price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from tidegate.abi import checksum
from tidegate.client.price_message import Domain, PriceMessage
from tidegate.deployment.config import is_address
from tidegate.spec.oracle import MAX_PRICE, SEAT_REST, is_quorum

SIGNATURE = 65
MAX_SLOT = 2**32 - 1
MAX_VIEW = 2**32 - 1
MAX_FEED = 2**32 - 1
MAX_TIME = 2**40 - 1
_FIELDS = [
    {"name": name, "type": "uint256"} for name in ("feed", "slot", "view", "price", "published")
]
PROPOSAL = "PriceProposal"
VOTE = "PriceVote"


class Malformed(ValueError):
    """JSON that is no message of this protocol."""


@dataclass(frozen=True, slots=True)
class Bid:
    """The message that a view is about. Leaders propose it, signers vote for it."""

    view: int
    message: PriceMessage

    @property
    def slot(self) -> int:
        return self.message.slot

    @property
    def feed(self) -> int:
        return self.message.feed

    def to_json(self) -> dict[str, Any]:
        message = self.message
        return {
            "feed": message.feed,
            "slot": message.slot,
            "view": self.view,
            # as text: other languages' JSON has no such integers
            "price": str(message.price),
            "published": message.published,
        }

    @classmethod
    def from_json(cls, record: Any) -> Self:
        bounds = {
            "feed": MAX_FEED,
            "slot": MAX_SLOT,
            "view": MAX_VIEW,
            "price": MAX_PRICE,
            "published": MAX_TIME,
        }
        if not isinstance(record, Mapping) or record.keys() != bounds.keys():
            raise Malformed(f"a bid has {', '.join(bounds)}")
        found = {name: natural(record[name], name, most) for name, most in bounds.items()}
        if not found["price"]:
            raise Malformed("price is 0")
        view = found.pop("view")
        return cls(view, PriceMessage(**found))


def natural(value: Any, name: str, most: int) -> int:
    """An integer from 0 on, or its decimal text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 40:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Malformed(f"{name} is no integer from 0 to {most}")
    return value


def signature_of(value: Any) -> bytes:
    """65 bytes of hex."""
    try:
        found = bytes.fromhex(value.removeprefix("0x"))
    except (AttributeError, ValueError):
        found = b""
    if len(found) != SIGNATURE:
        raise Malformed("a signature is 65 bytes as hex")
    return found


@dataclass(frozen=True, slots=True)
class Certificate:
    """A bid and the votes of a quorum for it: whoever sees it signs the message."""

    bid: Bid
    votes: tuple[tuple[str, bytes], ...]  # address, signature; ascending

    def to_json(self) -> dict[str, Any]:
        votes = {address: "0x" + vote.hex() for address, vote in self.votes}
        return {"bid": self.bid.to_json(), "votes": votes}

    @classmethod
    def from_json(cls, record: Any) -> Self:
        if not isinstance(record, Mapping) or record.keys() != {"bid", "votes"}:
            raise Malformed("a certificate has bid and votes")
        votes = record["votes"]
        if not isinstance(votes, Mapping) or len(votes) > 16 or not all(map(is_address, votes)):
            raise Malformed("votes are signatures by address")
        found = {checksum(address): signature_of(vote) for address, vote in votes.items()}
        return cls(Bid.from_json(record["bid"]), tuple(sorted(found.items(), key=_by_address)))


def _by_address(item: tuple[str, Any]) -> int:
    return int(item[0], 16)


@dataclass(frozen=True, slots=True)
class SignedPrice:
    """What PriceOracle.push takes."""

    message: PriceMessage
    signatures: bytes

    @property
    def arguments(self) -> tuple[int, int, int, int, bytes]:
        message = self.message
        return message.feed, message.slot, message.price, message.published, self.signatures

    def to_json(self) -> dict[str, Any]:
        message = self.message
        return {
            "feed": message.feed,
            "slot": message.slot,
            "price": str(message.price),
            "published": message.published,
            "signatures": "0x" + self.signatures.hex(),
        }

    @classmethod
    def from_json(cls, record: Any) -> Self:
        """What an aggregator serves; Malformed if it is something else."""
        if not isinstance(record, Mapping) or not isinstance(record.get("signatures"), str):
            raise Malformed("a signed price has signatures")
        fields = {name: value for name, value in record.items() if name != "signatures"}
        try:
            signatures = bytes.fromhex(record["signatures"].removeprefix("0x"))
        except ValueError:
            raise Malformed("signatures are no hex") from None
        return cls(Bid.from_json({**fields, "view": 0}).message, signatures)


@dataclass(frozen=True)
class Panel:
    """Who signs for one oracle, and when. Times in seconds.

    A view is one attempt at a slot, with a leader of its own: view v of slot k begins at
    k * slot_seconds + settle + v * view_seconds. `skew` is how far two honest clocks may be apart.
    """

    domain: Domain
    signers: tuple[str, ...]  # ascending, with checksums
    threshold: int
    faulty: int
    slot_seconds: int
    settle: float = 1.0
    view_seconds: float = 1.0
    skew: float = 1.0

    def __post_init__(self) -> None:
        seats = [int(signer, 16) >> SEAT_REST for signer in self.signers]
        if seats != sorted(set(seats)):
            raise ValueError("signers ascend by address and are all different")
        if not is_quorum(len(self.signers), self.threshold, self.faulty):
            raise ValueError("2 * threshold > signers + faulty, or two quorums share nobody honest")
        if self.threshold > len(self.signers) - self.faulty:
            raise ValueError("the faulty ones alone could keep a quorum from forming")

    @classmethod
    def of(cls, signers: tuple[str, ...], **fields: Any) -> Self:
        """With signers in any order."""
        ordered = sorted((checksum(signer) for signer in signers), key=lambda who: int(who, 16))
        return cls(signers=tuple(ordered), **fields)

    def leader(self, slot: int, view: int) -> str:
        """Whose turn it is: the next one at each slot, and again at each view of it."""
        return self.signers[(slot + view) % len(self.signers)]

    def opens(self, slot: int) -> int:
        return slot * self.slot_seconds

    def slot_at(self, now: float) -> int:
        return int(now) // self.slot_seconds

    def begins(self, slot: int, view: int) -> float:
        return self.opens(slot) + self.settle + view * self.view_seconds

    def view_at(self, slot: int, now: float) -> int:
        """The newest view that has begun; below 0 if none has."""
        return int((now - self.begins(slot, 0)) // self.view_seconds)

    # Signatures

    def typed(self, kind: str, bid: Bid) -> SignableMessage:
        """A proposal or a vote as eth-account signs it."""
        frame = self.domain.typed_data(bid.message)
        fields = {**frame["message"], "view": bid.view}
        types = {"EIP712Domain": frame["types"]["EIP712Domain"], kind: _FIELDS}
        return encode_typed_data(
            full_message={**frame, "types": types, "primaryType": kind, "message": fields}
        )

    def is_by(self, signer: str, signable: SignableMessage, signature: bytes) -> bool:
        """Whether the signer made this signature, in the form the contract takes."""
        # The contract takes s in the lower half and v 27 or 28; other forms recover here too.
        if len(signature) != SIGNATURE or signature[64] not in (27, 28):
            return False
        if int.from_bytes(signature[32:64], "big") > _MAX_S:
            return False
        try:
            return Account.recover_message(signable, signature=signature) == signer
        except (BadSignature, ValidationError, ValueError):
            return False

    def is_certified(self, certificate: Certificate) -> bool:
        """Whether a quorum of different signers voted for this very bid."""
        signable = self.typed(VOTE, certificate.bid)
        good = {
            address
            for address, vote in certificate.votes
            if address in self.signers and self.is_by(address, signable, vote)
        }
        return len(good) >= self.threshold


_MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
