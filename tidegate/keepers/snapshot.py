"""What the roles decide from: one moment of one exchange, read before anything is decided."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto

from tidegate.keepers.actions import Publish
from tidegate.keepers.breaker_pokes import Watched
from tidegate.keepers.liquidator import Candidate
from tidegate.keepers.order_executor import OpenOrder
from tidegate.keepers.readings import Lots
from tidegate.keepers.vault_claims import Request


class Need(Flag):
    """What must be read for a role, beyond what events say. Nothing is read that no role needs."""

    NOTHING = 0
    MARKS = auto()  # prices in force, and whether they are fresh
    QUOTES = auto()  # what the vault asks, for resting orders whose limit is met
    STANDINGS = auto()  # accounts that may be below maintenance
    OFFERS = auto()  # signed prices
    BREAKER = auto()  # what the circuit breaker reads, and the levels it set
    LOTS = auto()  # accounts that are auctioned or should be; STANDINGS and BREAKER too


@dataclass(frozen=True)
class Snapshot:
    """Times in seconds, prices and amounts in 1e-18.

    `now` is the time of the next block: what is sent will be judged then. `free` tells whether
    something may be sent about an item: it is this keeper's, nothing is under way, it is not dead.
    """

    now: int
    slot_seconds: int
    window: int
    epoch_seconds: int
    keeper_fee: int  # the least
    orders: Sequence[OpenOrder] = ()
    prices: Mapping[tuple[int, int], int] = field(default_factory=dict)  # by (feed, slot)
    newest: Mapping[int, int] = field(default_factory=dict)  # newest slot, by feed
    wanted: Mapping[int, Collection[int]] = field(default_factory=dict)  # slots, by feed
    marks: Mapping[int, int] = field(default_factory=dict)  # in force, by instrument
    all_fresh: bool = False
    quotes: Mapping[bytes, int] = field(default_factory=dict)  # by order
    standings: Sequence[Candidate] = ()
    requests: Sequence[Request] = ()
    processed: frozenset[int] = frozenset()
    feeds: Sequence[int] = ()
    booked: int = 0
    caps_age: int = 0
    caps_every: int = 0
    heartbeat: int = 30  # of prices, seconds
    deviation: int = 1_000  # of prices, ppm
    offers: Sequence[Publish] = ()
    rewards: Mapping[int, int] = field(default_factory=dict)  # of a slice, by instrument
    watched: Sequence[Watched] = ()
    levels: Mapping[int, int] = field(default_factory=dict)  # of the breaker, by instrument
    lots: Lots = field(default_factory=Lots)
    free: Callable[[str], bool] = lambda item: True
