"""What keepers may do. An action names a call and says what it is about; it sends nothing."""

from dataclasses import dataclass, field

from tidegate.client.orders import Order


@dataclass(frozen=True, slots=True)
class Push:
    """Publish the price of a slot. Price in 1e-18 of the collateral, published in seconds."""

    feed: int
    slot: int
    price: int
    published: int


@dataclass(frozen=True, slots=True)
class Publish:
    """Carry a signed price to the oracle: the arguments of PriceOracle.push. Price in 1e-18."""

    feed: int
    slot: int
    price: int
    published: int
    signatures: bytes


@dataclass(frozen=True, slots=True)
class Execute:
    """Fill or end orders, at most 16. `keys`: their hashes."""

    orders: tuple[Order, ...]
    keys: tuple[bytes, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Wake:
    """Prove that a stored slot meets a resting order's limit."""

    order: Order
    slot: int
    key: bytes = field(default=b"", compare=False)  # the order's hash

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)


@dataclass(frozen=True, slots=True)
class Liquidate:
    """One slice of one instrument of each account; by instrument, then account: so they batch."""

    accounts: tuple[int, ...]
    instruments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """Book the deficit of an account without positions."""

    account: int


@dataclass(frozen=True, slots=True)
class OpenAuction:
    """Of an account that slices cannot help now; an instrument that shows it."""

    account: int
    instrument: int


@dataclass(frozen=True, slots=True)
class Bid:
    """Take part of every position of an account."""

    account: int
    bidder: int
    most: int  # notional, 1e-18
    least_discount: int  # ppm
    deadline: int  # s


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Let the vault take an underlying's positions of an account whose auction failed."""

    account: int
    instrument: int


@dataclass(frozen=True, slots=True)
class Deleverage:
    """The same where the vault cannot: the other side shares the loss."""

    account: int
    instrument: int


@dataclass(frozen=True, slots=True)
class EndAuction:
    """Of an account that has maintenance and buffer again."""

    account: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Write down that a loss its side shared left nothing of a position."""

    account: int
    instrument: int


@dataclass(frozen=True, slots=True)
class ProcessEpoch:
    epoch: int


@dataclass(frozen=True, slots=True)
class Claim:
    account: int


@dataclass(frozen=True, slots=True)
class PokeCaps:
    pass


@dataclass(frozen=True, slots=True)
class PokeBreaker:
    """Let the circuit breaker read a market's meters."""

    instrument: int


@dataclass(frozen=True, slots=True)
class Absorb:
    pass


Action = (
    Push
    | Publish
    | Execute
    | Wake
    | Liquidate
    | Book
    | OpenAuction
    | Bid
    | TakeOver
    | Deleverage
    | EndAuction
    | Settle
    | ProcessEpoch
    | Claim
    | PokeCaps
    | PokeBreaker
    | Absorb
)
