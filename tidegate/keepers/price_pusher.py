"""Price pusher: publishes a market's path slot by slot, in steps that the oracle's guard lets pass.

The guard refuses a price further from the last one than `max_step` per slot between them. A wick
that goes further than one push may is walked: intermediate prices, each in a slot of its own.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidegate.keepers.actions import Publish, Push
from tidegate.spec.oracle import within_step
from tidegate.spec.rounding import PPM


@dataclass(frozen=True, slots=True)
class Target:
    """Where a feed's price goes. Prices 1e-18, slots in slot numbers, steps in ppm."""

    feed: int
    price: int
    slot: int  # the price is due here
    last_price: int  # 0: the feed has none yet
    last_slot: int
    max_step: int  # the guard, ppm per slot
    longest_move: int  # ppm between two pushes that is walked in steps; 0: in one jump


@dataclass(frozen=True, slots=True)
class Moment:
    """The pushes of one slot, all feeds together."""

    slot: int
    pushes: tuple[Push, ...]


def walk(target: Target) -> list[tuple[int, int]]:
    """(slot, price) pairs that end at the target's price, at its slot or soon after."""
    room = target.slot - target.last_slot
    if target.last_price == 0 or room <= 0:
        return [(max(target.slot, target.last_slot), target.price)] if room >= 0 else []
    move = abs(target.price - target.last_price) * PPM
    least = 1
    if target.longest_move:
        least = -(-move // (target.last_price * target.longest_move)) or 1
    pieces = min(room, least)
    made: list[tuple[int, int]] = []
    price, slot = target.last_price, target.last_slot
    for piece in range(1, pieces + 1):
        at = target.last_slot + room * piece // pieces
        aim = target.last_price + (target.price - target.last_price) * piece // pieces
        price, slot = _held(price, aim, at - slot, target.max_step), at
        made.append((slot, price))
    # what the guard still holds back follows slot by slot: a late wick, never a lost one
    while price != target.price:
        slot += 1
        price = _held(price, target.price, 1, target.max_step)
        made.append((slot, price))
    return made


def _held(price: int, aim: int, slots: int, max_step: int) -> int:
    if within_step(price, aim, slots, max_step):
        return aim
    allowed = price * max_step * slots // PPM
    return price + allowed if aim > price else price - allowed


def decide(targets: Iterable[Target], slot_seconds: int) -> list[Moment]:
    """What to push, slot after slot; published at the slot's start."""
    by_slot: dict[int, list[Push]] = {}
    for target in targets:
        for slot, price in walk(target):
            push = Push(target.feed, slot, price, slot * slot_seconds)
            by_slot.setdefault(slot, []).append(push)
    return [Moment(slot, tuple(by_slot[slot])) for slot in sorted(by_slot)]


# The service: prices are signed elsewhere, here they are only carried.


@dataclass(frozen=True, slots=True)
class CarrierState:
    """What the carrier knows. Ages in seconds, deviation in ppm, prices by (feed, slot)."""

    now: int
    slot_seconds: int
    offers: Sequence[Publish]  # signed by enough, any slots
    prices: Mapping[tuple[int, int], int]  # stored already
    newest: Mapping[int, int]  # newest slot with a price, by feed
    wanted: Mapping[int, Collection[int]]  # slots in which orders wait to fill, by feed
    heartbeat: int  # a price in force this old is replaced
    deviation: int  # and one this far off
    free: Callable[[str], bool]


def item_of(offer: Publish) -> str:
    return f"price {offer.feed} {offer.slot}"


def carry(state: CarrierState) -> list[Publish]:
    """The offers worth their gas, oldest slot first: what orders wait for, and what is due."""
    chosen: list[Publish] = []
    open_slot = state.now // state.slot_seconds
    for offer in sorted(state.offers, key=lambda offer: (offer.slot, offer.feed)):
        stored = (offer.feed, offer.slot) in state.prices
        if stored or offer.slot > open_slot or not state.free(item_of(offer)):
            continue
        newest = state.newest.get(offer.feed, 0)
        wanted = state.wanted.get(offer.feed, ())
        # orders that wait fill at the worse of their slot's price and the open one's
        if offer.slot in wanted or (wanted and offer.slot == open_slot):
            chosen.append(offer)
        elif offer.slot > newest:
            before = state.prices.get((offer.feed, newest), 0)
            age = state.now - newest * state.slot_seconds
            moved = abs(offer.price - before) * PPM
            if not before or age >= state.heartbeat or moved >= before * state.deviation:
                chosen.append(offer)
    return chosen
