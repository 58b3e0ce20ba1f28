"""EIP-712 price messages of the push feed, built and signed: PriceOracle.message_hash."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from functools import cache
from typing import Any

from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

NAME = "Tidegate PriceOracle"
VERSION = "1"
TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "PriceMessage": [
        {"name": "feed", "type": "uint256"},
        {"name": "slot", "type": "uint256"},
        {"name": "price", "type": "uint256"},
        {"name": "published", "type": "uint256"},
    ],
}


def _type_hash(name: str) -> bytes:
    members = ",".join(f"{member['type']} {member['name']}" for member in TYPES[name])
    return keccak(text=f"{name}({members})")


MESSAGE_TYPE_HASH = _type_hash("PriceMessage")
MAX_AGE = 1023  # seconds: no feed takes a publication later than this behind its slot's start
REMEMBERED_SLOTS = 128  # the oracle's ring: an older slot can no longer be stored


@dataclass(frozen=True, slots=True)
class PriceMessage:
    """The price of one slot of one feed."""

    feed: int
    slot: int
    price: int  # 1e-18
    published: int  # timestamp, seconds


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a message holds: one oracle on one chain."""

    chain_id: int
    oracle: str

    def typed_data(self, message: PriceMessage) -> dict[str, Any]:
        """The message as JSON-RPC wallets take it (eth_signTypedData_v4)."""
        return {
            "types": TYPES,
            "primaryType": "PriceMessage",
            "domain": {
                "name": NAME,
                "version": VERSION,
                "chainId": self.chain_id,
                "verifyingContract": self.oracle,
            },
            "message": {
                "feed": message.feed,
                "slot": message.slot,
                "price": message.price,
                "published": message.published,
            },
        }

    def signable(self, message: PriceMessage) -> SignableMessage:
        """The message as eth-account signs it."""
        return encode_typed_data(full_message=self.typed_data(message))

    def hash(self, message: PriceMessage) -> bytes:
        """Equals PriceOracle.message_hash."""
        body = keccak(MESSAGE_TYPE_HASH + b"".join(map(_word, astuple(message))))
        return keccak(b"\x19\x01" + separator(self) + body)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@cache
def separator(domain: Domain) -> bytes:
    """The domain's hash: what is constant of every message."""
    return keccak(
        _type_hash("EIP712Domain")
        + keccak(text=NAME)
        + keccak(text=VERSION)
        + _word(domain.chain_id)
        + _word(int(domain.oracle, 16))
    )


def publish_range(slot: int, slot_seconds: int) -> tuple[int, int]:
    """First and last publish time a Pyth update for this slot may have, as PythFeed.post asks Pyth.

    Ask a Pyth server for the unique update at the first of the two.
    """
    opened = slot * slot_seconds
    return opened, opened + MAX_AGE


class Equivocation(Exception):
    """A signer was asked for a second price of a slot, or for one too old to know."""


@dataclass(slots=True)
class PriceSigner:
    """A key that signs one message per feed and slot, on which the oracle's quorum rule rests.

    It remembers within the process; one that restarts must wait until the ring has turned.
    """

    account: LocalAccount
    domain: Domain
    signed: dict[int, dict[int, PriceMessage]] = field(default_factory=dict)

    def sign(self, message: PriceMessage) -> bytes:
        """65 bytes r, s, v; Equivocation instead of a second price for a slot."""
        known = self.signed.setdefault(message.feed, {})
        newest = max(known, default=message.slot)
        if message.slot <= newest - REMEMBERED_SLOTS:
            raise Equivocation(f"slot {message.slot} is too old to know")
        if known.setdefault(message.slot, message) != message:
            raise Equivocation(f"slot {message.slot} has a price: {known[message.slot]}")
        if len(known) > 2 * REMEMBERED_SLOTS:
            oldest = max(known) - REMEMBERED_SLOTS
            self.signed[message.feed] = {k: v for k, v in known.items() if k > oldest}
        return bytes(self.account.unsafe_sign_hash(self.domain.hash(message)).signature)


def quorum(signers: Iterable[PriceSigner], message: PriceMessage) -> bytes:
    """Signatures as PriceOracle.push wants them: ascending by address, one behind the other."""
    ordered = sorted(signers, key=lambda signer: int(signer.account.address, 16))
    return b"".join(signer.sign(message) for signer in ordered)
