"""Orders of the exchange: the body, its EIP-712 hash, and the word that says where one stands."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from enum import IntEnum
from typing import Any

from eth_abi import encode
from eth_utils import keccak, to_canonical_address

from tidegate.spec.words import INSTRUMENTS_PER_UNDERLYING, MICRO

NAME = "Tidegate Exchange"
VERSION = "1"
TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Order": [
        {"name": "account", "type": "uint256"},
        {"name": "instrument", "type": "uint256"},
        {"name": "size", "type": "int256"},
        {"name": "limit", "type": "uint256"},
        {"name": "trigger", "type": "uint256"},
        {"name": "trigger_price", "type": "uint256"},
        {"name": "trail", "type": "uint256"},
        {"name": "resting", "type": "bool"},
        {"name": "reduce_only", "type": "bool"},
        {"name": "expiry", "type": "uint256"},
        {"name": "slot", "type": "uint256"},
        {"name": "keeper_fee", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "group", "type": "uint256"},
    ],
}
PLACES = 256  # order words of an account; the low byte of the nonce says which
HASH_BITS = 160
MAX_SIZE = 2**96 - 1  # 1e-18 units, either sign
MAX_LIMIT = 2**96 - 1  # 1e-18
MAX_KEEPER_FEES = 100  # times the exchange's least


def _type_hash(name: str) -> bytes:
    members = ",".join(f"{member['type']} {member['name']}" for member in TYPES[name])
    return keccak(text=f"{name}({members})")


DOMAIN_TYPE_HASH = _type_hash("EIP712Domain")
ORDER_TYPE_HASH = _type_hash("Order")


@dataclass(frozen=True, slots=True)
class Order:
    """IExchange.Order, field for field; sizes, prices and fees in 1e-18, times in seconds."""

    account: int
    instrument: int
    size: int  # positive buys
    limit: int  # worst price of a fill
    trigger: int = 0
    trigger_price: int = 0
    trail: int = 0
    resting: bool = False
    reduce_only: bool = False
    expiry: int = 0  # last second in which it may fill
    slot: int = 0
    keeper_fee: int = 0
    nonce: int = 0
    group: int = 0

    @property
    def place(self) -> int:
        """Which of the account's order words it uses."""
        return self.nonce % PLACES

    @property
    def feed(self) -> int:
        """The feed whose slots price it."""
        return self.instrument // INSTRUMENTS_PER_UNDERLYING

    def met_by(self, price: int) -> bool:
        """Whether a price is at least as good as the limit."""
        return price <= self.limit if self.size > 0 else price >= self.limit

    @classmethod
    def of(cls, record: Mapping[str, Any] | Sequence[Any]) -> "Order":
        """From a decoded struct, or a mapping of its fields."""
        if isinstance(record, Mapping):
            return cls(**{item.name: record[item.name] for item in fields(cls)})
        return cls(*record)

    @classmethod
    def placed(cls, event: Any) -> "Order":
        """From the arguments of the event Placed; what it does not say is zero."""
        names = ("account", "instrument", "size", "limit", "resting", "reduce_only", "expiry")
        said = (*names, "keeper_fee", "nonce")
        return cls(**{name: getattr(event, name) for name in said})


@dataclass(frozen=True, slots=True)
class Domain:
    """Where an order holds: one exchange on one chain."""

    chain_id: int
    exchange: str

    @property
    def separator(self) -> bytes:
        return keccak(
            encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [
                    DOMAIN_TYPE_HASH,
                    keccak(text=NAME),
                    keccak(text=VERSION),
                    self.chain_id,
                    to_canonical_address(self.exchange),
                ],
            )
        )

    def hash(self, order: Order) -> bytes:
        """Equals Exchange.order_hash."""
        types = ["bytes32", *(member["type"] for member in TYPES["Order"])]
        body = keccak(encode(types, [ORDER_TYPE_HASH, *astuple(order)]))
        return keccak(b"\x19\x01" + self.separator + body)

    def typed_data(self, order: Order) -> dict[str, Any]:
        """The order as JSON-RPC wallets take it (eth_signTypedData_v4)."""
        return {
            "types": TYPES,
            "primaryType": "Order",
            "domain": {
                "name": NAME,
                "version": VERSION,
                "chainId": self.chain_id,
                "verifyingContract": self.exchange,
            },
            "message": {item.name: getattr(order, item.name) for item in fields(order)},
        }


class OrderState(IntEnum):
    """The state byte of an order word."""

    UNUSED = 0
    RESTING = 1
    WAITING = 2
    ENDED = 3


@dataclass(frozen=True, slots=True)
class OrderWord:
    """Exchange.order_word, taken apart."""

    state: OrderState
    slot: int  # waiting: fills here; resting: this or a later one may wake it
    stake: int  # 1e-18 collateral, a multiple of MICRO; the account's once the order has ended
    hash_high: int  # the order hash's high 160 bits

    @classmethod
    def of(cls, word: int) -> "OrderWord":
        """From the packed word."""
        return cls(
            state=OrderState(word & 255),
            slot=word >> 8 & (2**32 - 1),
            stake=(word >> 40 & (2**56 - 1)) * MICRO,
            hash_high=word >> 96,
        )

    @property
    def is_open(self) -> bool:
        """Whether the order may still fill or end."""
        return self.state in (OrderState.RESTING, OrderState.WAITING)

    def is_of(self, order_hash: bytes) -> bool:
        """Whether the word is that of the order with this hash."""
        return self.hash_high == int.from_bytes(order_hash, "big") >> (256 - HASH_BITS)
