"""Packed words of the ledger and ids of accounts (contracts/libraries/*_word*.vy, terms.vy).

A word class names its fields once, with place, width and unit: integers inside, and Decimals for
people through `human` (what is exact in the unit, else ValueError) and `decimals`.
"""

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import ClassVar, NamedTuple, Self

from tidegate.spec.rounding import WAD

MICRO = 10**12  # a 6-decimal quantity in 18 decimals
FULL_SCALE = 65535
MAX_INDEX = 2**127 - 1
FIRST_EPOCH = 1
ALIVE = 1
POOL = 2
ESCROW = 4
RESERVED = 16  # the vault's and insurance's: venues neither fill nor charge it
HOLDS = 8  # the account holds positions that settle in this asset
POSITIONS = 15  # instruments an account may hold
LINEAR_PERPETUAL = 1
INSTRUMENTS_PER_UNDERLYING = 64


class Field(NamedTuple):
    """Where a field lies in its word, and how many of its units are one of a person's."""

    at: int
    width: int
    signed: bool = False
    unit: int = 1


def to_units(amount: Decimal | str | int, unit: int) -> int:
    """An exact integer of 1/unit, or ValueError: no silent rounding of a person's number."""
    if isinstance(amount, float):
        raise TypeError("float is never money: give a Decimal, a string or an int")
    with localcontext() as context:
        context.prec = 100  # an integer of 256 bits has 78 digits
        scaled = Decimal(amount) * unit
    if scaled != int(scaled):
        raise ValueError(f"{amount} is finer than 1/{unit}")
    return int(scaled)


def from_units(value: int, unit: int) -> Decimal:
    """An integer of 1/unit as a person's number, all its digits kept."""
    with localcontext() as context:
        context.prec = 100
        return Decimal(value) / unit


def fits(value: int, width: int, signed: bool = False) -> int:
    """The value, or OverflowError where the bytecode would revert."""
    low, high = (-(1 << (width - 1)), 1 << (width - 1)) if signed else (0, 1 << width)
    if not low <= value < high:
        raise OverflowError(f"{value} does not fit {'int' if signed else 'uint'}{width}")
    return value


@dataclass(frozen=True, slots=True)
class Word:
    """A record that packs into 256 bits by its LAYOUT."""

    LAYOUT: ClassVar[dict[str, Field]] = {}

    def pack(self) -> int:
        """The word; OverflowError if a field is too wide."""
        word = 0
        for name, field in self.LAYOUT.items():
            value = fits(getattr(self, name), field.width, field.signed)
            word |= (value & ((1 << field.width) - 1)) << field.at
        return word

    @classmethod
    def unpack(cls, word: int) -> Self:
        values = []
        for field in cls.LAYOUT.values():
            value = (word >> field.at) & ((1 << field.width) - 1)
            if field.signed and value >> (field.width - 1):
                value -= 1 << field.width
            values.append(value)
        return cls(*values)

    @classmethod
    def human(cls, **amounts: Decimal | str | int) -> Self:
        """From a person's numbers: shares as 0.05, quantities in whole units; absent is zero."""
        unknown = amounts.keys() - cls.LAYOUT.keys()
        if unknown:
            raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
        record = cls(*(to_units(amounts.get(name, 0), f.unit) for name, f in cls.LAYOUT.items()))
        record.pack()
        return record

    def decimals(self) -> dict[str, Decimal]:
        """A person's numbers, by field."""
        return {name: from_units(getattr(self, name), f.unit) for name, f in self.LAYOUT.items()}


@dataclass(frozen=True, slots=True)
class Cash(Word):
    """One per account and asset. A pool's principal is the insurance share it owes."""

    cash: int = 0
    principal: int = 0
    flags: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "cash": Field(128, 128, signed=True, unit=WAD),
        "principal": Field(8, 120, unit=WAD),
        "flags": Field(0, 8),
    }


@dataclass(frozen=True, slots=True)
class Position(Word):
    """One per account and instrument."""

    size: int = 0
    checkpoint: int = 0
    epoch: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "size": Field(152, 104, signed=True, unit=WAD),
        "checkpoint": Field(24, 128, signed=True, unit=10**27),
        "epoch": Field(0, 24),
    }


@dataclass(frozen=True, slots=True)
class Indices(Word):
    """What one unit of each side has been charged, 1e-27 of the settlement asset."""

    long: int = 0
    short: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "long": Field(128, 128, signed=True, unit=10**27),
        "short": Field(0, 128, signed=True, unit=10**27),
    }

    def of(self, size: int) -> int:
        """The index of the side a position of this size is on (short for zero)."""
        return self.long if size > 0 else self.short


@dataclass(frozen=True, slots=True)
class Interest(Word):
    """Open interest of all but pools, the time of the last accrual, the scale of the hard cap."""

    scale: int = 0
    time: int = 0
    short_side: int = 0
    long_side: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "scale": Field(240, 16, unit=FULL_SCALE),
        "time": Field(208, 32),
        "short_side": Field(104, 104, unit=WAD),
        "long_side": Field(0, 104, unit=WAD),
    }

    @property
    def skew(self) -> int:
        """Long less short side; the pool holds the opposite."""
        return self.long_side - self.short_side

    def side(self, size: int) -> int:
        """Open interest of the side a position of this size is on (short for zero)."""
        return self.long_side if size > 0 else self.short_side

    def moved(self, size: int, change: int) -> "Interest":
        """After a trader's position of this size changed."""
        after = size + change
        return replace(
            self,
            long_side=self.long_side + max(after, 0) - max(size, 0),
            short_side=self.short_side + max(-after, 0) - max(-size, 0),
        )

    def floored(self) -> "tuple[Interest, int]":
        """Where positions were rounded and sides were not: no side below zero, and what the longs
        lacked less what the shorts did."""
        floored = replace(
            self, long_side=max(self.long_side, 0), short_side=max(self.short_side, 0)
        )
        return floored, floored.skew - self.skew

    def scaled_down(self, cap: int) -> int:
        """What the vault's scale leaves of a hard cap."""
        return cap * self.scale // FULL_SCALE


@dataclass(frozen=True, slots=True)
class Carry(Word):
    """The funding pot, the rate per day, the price in force since the last accrual."""

    pot: int = 0
    rate: int = 0
    price: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "pot": Field(144, 112, signed=True, unit=WAD),
        "rate": Field(90, 54, signed=True, unit=10**15),
        "price": Field(0, 90, unit=WAD),
    }


RISK_TERMS = 2**244 - 1  # of the risk word; what lies above is the market's state


@dataclass(frozen=True, slots=True)
class Risk(Word):
    """All that pricing and margining an open position needs. ppm; rates in ppm per day."""

    calm_skew: int = 0
    half_life: int = 0
    max_rate: int = 0
    max_velocity: int = 0
    scale: int = 0  # 1e-6 units; skew_scale is K in 1e-18
    size_slope: int = 0
    contingency: int = 0
    maintenance_shock: int = 0
    initial_shock: int = 0
    settle_asset: int = 0
    kind: int = 0
    brake: int = 0  # state, no term: setting terms leaves it
    shared: int = 0  # the same: a side has shared a loss

    LAYOUT: ClassVar[dict[str, Field]] = {
        "calm_skew": Field(228, 16, unit=10**6),
        "half_life": Field(208, 20),
        "max_rate": Field(180, 28, unit=10**6),
        "max_velocity": Field(152, 28, unit=10**6),
        "scale": Field(88, 64, unit=10**6),
        "size_slope": Field(68, 20, unit=10**6),
        "contingency": Field(48, 20, unit=10**6),
        "maintenance_shock": Field(28, 20, unit=10**6),
        "initial_shock": Field(8, 20, unit=10**6),
        "settle_asset": Field(4, 4),
        "kind": Field(0, 4),
        "brake": Field(248, 8),
        "shared": Field(247, 1),
    }

    @property
    def skew_scale(self) -> int:
        """K, the depth of the market, 1e-18 units."""
        return self.scale * MICRO


@dataclass(frozen=True, slots=True)
class Trade(Word):
    """Read by every fill. ppm; caps in 1e-6 units, the minimum in 1e-6 of the asset."""

    hard: int = 0
    soft: int = 0
    minimum: int = 0
    crowding: int = 0
    band: int = 0
    insurance_share: int = 0
    taker_fee: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "hard": Field(192, 64, unit=10**6),
        "soft": Field(128, 64, unit=10**6),
        "minimum": Field(80, 48, unit=10**6),
        "crowding": Field(60, 20, unit=10**6),
        "band": Field(40, 20, unit=10**6),
        "insurance_share": Field(20, 20, unit=10**6),
        "taker_fee": Field(0, 20, unit=10**6),
    }

    @property
    def hard_cap(self) -> int:
        """1e-18 units a side, before the vault's scale."""
        return self.hard * MICRO

    @property
    def soft_cap(self) -> int:
        """1e-18 units of |skew|."""
        return self.soft * MICRO

    @property
    def minimum_notional(self) -> int:
        """1e-18 of the asset."""
        return self.minimum * MICRO


@dataclass(frozen=True, slots=True)
class Limits(Word):
    """Read when an account is below its initial margin, and by the vault's setters. ppm."""

    reward: int = 0  # 1e-6 of the asset; keeper_reward has 18 decimals
    stress: int = 0
    buffer: int = 0
    max_cost: int = 0
    penalty: int = 0
    max_half_spread: int = 0
    max_premium: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "reward": Field(140, 48, unit=10**6),
        "stress": Field(100, 20, unit=10**6),
        "buffer": Field(80, 20, unit=10**6),
        "max_cost": Field(60, 20, unit=10**6),
        "penalty": Field(40, 20, unit=10**6),
        "max_half_spread": Field(20, 20, unit=10**6),
        "max_premium": Field(0, 20, unit=10**6),
    }

    @property
    def keeper_reward(self) -> int:
        """1e-18 of the asset per liquidated account, the most."""
        return self.reward * MICRO


@dataclass(frozen=True, slots=True)
class Asset(Word):
    """A token, its outflow bucket and the most a venue may escrow out of an account."""

    escrow: int = 0  # 1e-2 tokens
    share: int = 0  # ppm of the tokens held: the bucket's size
    window: int = 0  # seconds in which it refills
    token_decimals: int = 0
    token: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "escrow": Field(212, 40, unit=10**2),
        "share": Field(192, 20, unit=10**6),
        "window": Field(168, 24),
        "token_decimals": Field(160, 8),
        "token": Field(0, 160),
    }

    @property
    def one(self) -> int:
        """1e-18 units of the ledger in the smallest unit of the token."""
        return 10 ** (18 - self.token_decimals)

    @property
    def escrow_cap(self) -> int:
        """1e-18 of the asset."""
        return self.escrow * 10**16


# The account word: ascending instrument ids from bit 16, the mask of assets below.


def held(word: int) -> list[int]:
    """The instruments of an account word, ascending."""
    ids = []
    for place in range(POSITIONS):
        instrument = (word >> (16 * place + 16)) & 0xFFFF
        if instrument == 0:
            break
        ids.append(instrument)
    return ids


def account_word(instruments: list[int], assets: int) -> int:
    """The word of an account that holds these instruments and has held these assets (a mask)."""
    word = fits(assets, 16)
    for place, instrument in enumerate(sorted(instruments)):
        word |= fits(instrument, 16) << (16 * place + 16)
    return fits(word, 256)


# Ids


def account(owner: int | str, sub: int = 0) -> int:
    """owner << 96 | sub-account."""
    address = int(owner, 16) if isinstance(owner, str) else owner
    return fits(address, 160) << 96 | fits(sub, 96)


def owner_of(account_id: int) -> int:
    return account_id >> 96


def pool(vault: int | str, underlying: int) -> int:
    """The vault's side of an underlying."""
    return account(vault, 1 << 64 | underlying)


def treasury(vault: int | str) -> int:
    """The vault's account for cash that no pool holds."""
    return account(vault, 0)


def request_escrow(vault: int | str) -> int:
    """Where requests to the vault wait for their epoch."""
    return account(vault, 1)


def insurance(core: int | str, asset: int) -> int:
    return account(core, 1 << 32 | asset)


def deficits(core: int | str, asset: int) -> int:
    """Its cash is minus the booked deficit."""
    return account(core, 2 << 32 | asset)


def backstop(core: int | str) -> int:
    """The other party of losses that sides share."""
    return account(core, 3 << 32)


def instrument_id(underlying: int, k: int = 0) -> int:
    return underlying * INSTRUMENTS_PER_UNDERLYING + k


def underlying_of(instrument: int) -> int:
    return instrument // INSTRUMENTS_PER_UNDERLYING
