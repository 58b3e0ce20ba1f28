"""What breakers and auctions are decided from, read in few rounds of many calls each.

`Ask` answers a round: decoded results, a ProtocolError in the place of what was refused. The
service asks at the next block's time (view.py), the demo's runner at the newest block.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidegate.chain import Contract
from tidegate.client.errors import ProtocolError
from tidegate.client.venue import Venue
from tidegate.keepers import auctions, liquidator
from tidegate.keepers.auctions import Bidder, Lot
from tidegate.keepers.breaker_pokes import Watched
from tidegate.keepers.liquidator import Standing
from tidegate.spec import breaker, words
from tidegate.spec.breaker import allows
from tidegate.spec.liquidator import LIVES, State
from tidegate.spec.oracle import Latest
from tidegate.spec.rounding import PPM, WAD, div_up

Question = tuple[Contract, str, tuple[Any, ...]]
Ask = Callable[[Sequence[Question]], list[Any]]
AT_ONCE = 16  # accounts of one call for their positions: at most 15 each
FULL = "VaultFull"  # the vault takes no more


@dataclass(frozen=True, slots=True)
class BidderTerms:
    """What an operator's own account bids for. Notional 1e-18 and ppm, by instrument."""

    account: int
    limits: Mapping[int, int]
    wants: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Lots:
    """What auctions are decided from."""

    lots: tuple[Lot, ...] = ()
    t2: int = 0  # seconds
    minimum: int = 0  # notional a bid takes, the least, 1e-18
    empty: frozenset[int] = frozenset()  # instruments that cannot be sliced now
    full: frozenset[int] = frozenset()  # of which the vault takes no more
    settled: tuple[tuple[int, int], ...] = ()  # positions of which nothing is left
    sliced_out: frozenset[int] = frozenset()  # accounts no slice can help now
    bidder: Bidder | None = None


def asking(questions: Sequence[Question]) -> list[Any]:
    """An `Ask` of a chain at its newest block, one call after the other."""
    answers: list[Any] = []
    for contract, fn, args in questions:
        try:
            answers.append(contract.call(fn, *args))
        except ProtocolError as refusal:
            answers.append(refusal)
    return answers


def _sure(ask: Ask, questions: Sequence[Question]) -> list[Any]:
    """Answers to what no contract refuses."""
    answers = ask(questions)
    for answer in answers:
        if isinstance(answer, ProtocolError):
            raise answer
    return answers


# The breaker


def watched(ask: Ask, venue: Venue, now: int) -> list[Watched]:
    """Every market that has settings. `now`: the second of the next block."""
    instruments = [market.instrument for market in venue.markets.values()]
    per_market = [_questions(venue, instrument) for instrument in instruments]
    once: list[Question] = [(venue.breaker, "halts_word", ()), (venue.fund, "drawn", ())]
    answers = ask([*once, *(question for market in per_market for question in market)])
    halts, drawn = answers[:2]
    if isinstance(halts, ProtocolError):
        raise halts
    found = []
    for place, instrument in enumerate(instruments):
        size = len(per_market[place])
        mine = answers[2 + place * size :][:size]
        settings, state, even, odd, risk, interest, latest, liquidated = mine
        for word in (settings, state, even, odd, risk, interest):
            if isinstance(word, ProtocolError):
                raise word
        if not settings:
            continue
        terms = words.Risk.unpack(risk)
        price, age = _price(latest, now, venue.slot_seconds)
        found.append(
            Watched(
                instrument,
                breaker.Market(
                    breaker.Settings.unpack(settings),
                    terms.brake,
                    breaker.State.unpack(state),
                    (breaker.Sample.unpack(even), breaker.Sample.unpack(odd)),
                    breaker.Halts.unpack(halts),
                ),
                breaker.Seen(
                    price,
                    age,
                    words.Interest.unpack(interest).skew,
                    None if isinstance(liquidated, ProtocolError) else liquidated,
                    None if isinstance(drawn, ProtocolError) else tuple(drawn),
                ),
                terms.skew_scale,
            )
        )
    return found


def _questions(venue: Venue, instrument: int) -> list[Question]:
    feed = words.underlying_of(instrument)
    return [
        (venue.breaker, "settings_word", (instrument,)),
        (venue.breaker, "state_word", (instrument,)),
        (venue.breaker, "sample_word", (instrument, 0)),
        (venue.breaker, "sample_word", (instrument, 1)),
        (venue.core, "risk_word", (instrument,)),
        (venue.core, "interest_word", (instrument,)),
        (venue.oracle, "latest_word", (feed,)),
        (venue.liquidator, "liquidated", (instrument,)),
    ]


def _price(
    latest: int | ProtocolError, now: int, slot_seconds: int
) -> tuple[int | None, int | None]:
    """The price in force and its age, as the breaker reads the oracle's word."""
    if isinstance(latest, ProtocolError):
        return None, None
    word = Latest.unpack(latest)
    if not word.price:
        return None, None
    if now <= word.changed:
        return word.before or None, None
    return word.price, now - word.slot * slot_seconds


# Auctions


def lots(
    ask: Ask,
    venue: Venue,
    now: int,
    standings: Collection[Standing],
    running: Collection[int],
    levels: Mapping[int, int],
    keeper_account: int,
    terms: BidderTerms | None = None,
) -> Lots:
    """Of the accounts just read those that are short, and all whose auction may run.

    An account that holds something in a halted market is left out: nothing can be done about it.
    """
    short = {one.account for one in standings if liquidator.is_short(one)}
    accounts = sorted(short | set(running))
    if not accounts:
        return Lots()
    instruments = [market.instrument for market in venue.markets.values()]
    parts = [accounts[at : at + AT_ONCE] for at in range(0, len(accounts), AT_ONCE)]
    answers = _sure(
        ask,
        [
            *((venue.lens_accounts, "positions", (part,)) for part in parts),
            *((venue.lens_accounts, "health", (part,)) for part in parts),
            *((venue.liquidator, "state_word", (account,)) for account in accounts),
            *((venue.core, "limits_word", (instrument,)) for instrument in instruments),
            *((venue.core, "trade_word", (instrument,)) for instrument in instruments),
            (venue.liquidator, "T2", ()),
        ],
    )
    count = len(parts)
    held = [one for part in answers[:count] for one in part]
    health = {one.account: one for part in answers[count : 2 * count] for one in part}
    rest = answers[2 * count :]
    states = dict(zip(accounts, map(State.unpack, rest[: len(accounts)]), strict=True))
    rest = rest[len(accounts) :]
    limits = dict(zip(instruments, map(words.Limits.unpack, rest[: len(instruments)]), strict=True))
    trades = list(map(words.Trade.unpack, rest[len(instruments) : -1]))
    t2 = rest[-1]

    positions: dict[int, dict[int, int]] = {account: {} for account in accounts}
    settled = []
    for one in held:
        if one.size:
            notional = one.notional if one.size > 0 else -one.notional
            positions[one.account][one.instrument] = notional
        elif health[one.account].cash < 0:
            settled.append((one.account, one.instrument))
    found = []
    for account in accounts:
        legs = positions[account]
        if any(not allows(levels.get(leg, 0), "auction") for leg in legs):
            continue
        state = states[account]
        lot = Lot(
            account,
            health[account].equity,
            health[account].maintenance,
            max((limits[leg].buffer for leg in legs), default=0),
            legs,
            state.opened,
        )
        if lot.is_short or state.opened:
            found.append(lot)
    return _judged(
        ask,
        venue,
        now,
        found,
        t2,
        max(one.minimum_notional for one in trades),
        settled,
        keeper_account,
        terms,
    )


def _judged(
    ask: Ask,
    venue: Venue,
    now: int,
    found: Sequence[Lot],
    t2: int,
    minimum: int,
    settled: Sequence[tuple[int, int]],
    keeper_account: int,
    terms: BidderTerms | None,
) -> Lots:
    """The second round: what a slice, a bid or a takeover would do."""
    short = [lot for lot in found if lot.is_short]
    running = [lot for lot in short if lot.opened and now - lot.opened <= LIVES * t2]
    failed = [lot for lot in running if now - lot.opened >= t2]
    liquidator_ = venue.liquidator
    answers = ask(
        [
            *((liquidator_, "slice_of", (lot.account, lot.largest)) for lot in short),
            *((liquidator_, "auction_of", (lot.account,)) for lot in running),
            *(
                (liquidator_, "takeover", (lot.account, lot.largest, keeper_account))
                for lot in failed
            ),
        ]
    )
    slices, answers = answers[: len(short)], answers[len(short) :]
    sold, taken = answers[: len(running)], answers[len(running) :]
    out = [
        lot
        for lot, answer in zip(short, slices, strict=True)
        if isinstance(answer, ProtocolError) or not answer[0]
    ]
    prices = {
        lot.account: answer
        for lot, answer in zip(running, sold, strict=True)
        if not isinstance(answer, ProtocolError)
    }
    full = {
        lot.largest
        for lot, answer in zip(failed, taken, strict=True)
        if isinstance(answer, ProtocolError) and answer.name == FULL
    }
    return Lots(
        tuple(_priced(lot, prices.get(lot.account)) for lot in found),
        t2,
        minimum,
        frozenset(lot.largest for lot in out),
        frozenset(full),
        tuple(settled),
        frozenset({lot.account for lot in out} | {account for account, _ in settled}),
        None if terms is None else _bidder(ask, venue, terms),
    )


def _priced(lot: Lot, answer: Any) -> Lot:
    if answer is None:
        return lot
    _, discount, _, fraction = answer
    return replace(lot, discount=discount, needed=div_up(fraction * PPM, WAD))


def _bidder(ask: Ask, venue: Venue, terms: BidderTerms) -> Bidder:
    """The operator's account as it is now."""
    instruments = sorted(terms.limits)
    health, held, *risks = _sure(
        ask,
        [
            (venue.lens_accounts, "health", ([terms.account],)),
            (venue.lens_accounts, "positions", ([terms.account],)),
            *((venue.core, "risk_word", (instrument,)) for instrument in instruments),
        ],
    )
    margin = {}
    for instrument, word in zip(instruments, risks, strict=True):
        risk = words.Risk.unpack(word)
        # its contingency grows with its size, up to the maintenance shock
        margin[instrument] = risk.initial_shock + risk.maintenance_shock
    return Bidder(
        terms.account,
        max(0, health[0].free),
        margin,
        terms.limits,
        terms.wants,
        {one.instrument: one.notional if one.size > 0 else -one.notional for one in held},
    )


def decided(read: Lots, now: int) -> list[auctions.AuctionAction]:
    """What auctions.decide makes of it."""
    venue = auctions.Venue(now, read.t2, read.minimum, read.empty, read.full)
    return auctions.decide(read.lots, venue, read.bidder)


def levels(marked: Collection[Watched]) -> dict[int, int]:
    """The brake of each market, by instrument."""
    return {one.instrument: one.market.level for one in marked}


__all__ = [
    "Ask",
    "BidderTerms",
    "Lots",
    "Question",
    "asking",
    "decided",
    "levels",
    "lots",
    "watched",
]
