"""The run loop: a replay and a population against one deployed exchange.

Bar times become chain times. At each point of a bar: prices are pushed (walked where a move is
long); a second later they are in force, traders place orders and the keepers slice what fell below
maintenance; orders fill at the next slot, whose price the pusher publishes as they wait for it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal

from tidegate.abi import Event
from tidegate.client.calls import Outcome, Transaction
from tidegate.client.price_message import Domain, PriceSigner
from tidegate.client.units import human, wad
from tidegate.client.venue import COLLATERAL, Venue
from tidegate.keepers import price_pusher
from tidegate.keepers.journal import Journal
from tidegate.keepers.price_pusher import Target
from tidegate.keepers.runner import Keepers
from tidegate.keepers.sender import Sender
from tidegate.local_accounts import local_account
from tidegate.simulation.gas import GasMeter
from tidegate.simulation.paths import Point, Replay, points
from tidegate.simulation.population import Intent, Kind, Population, Provider
from tidegate.spec import words

LONGEST_MOVE = 15_000  # ppm between two pushes
SIZE_STEP = Decimal("0.000001")
RESTING_LIFE = 24 * 3600  # seconds
SLICING_ROUNDS = 8
CYCLES = 8  # slots after a point in which orders may fill, if the next point is not due
CAPS_EVERY = 3600
POKE_EVERY = 3600
BLOCK = 60  # transactions of the set-up in one block
WARM_UP = 600  # seconds before the first bar, besides two epochs


@dataclass(frozen=True, slots=True)
class Sample:
    """The state at the end of the bar that opened at `time`. Prices, sizes, values in units."""

    time: int
    prices: dict[str, Decimal]  # closes
    lows: dict[str, Decimal]
    highs: dict[str, Decimal]
    longs: dict[str, Decimal]
    shorts: dict[str, Decimal]
    share: Decimal


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of a liquidation."""

    time: int
    account: int
    market: str
    size: Decimal
    price: Decimal
    whole: bool


@dataclass
class Record:
    """What the run leaves for the report."""

    samples: list[Sample] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)  # intents by the error's name
    lows: dict[str, Decimal] = field(default_factory=dict)
    highs: dict[str, Decimal] = field(default_factory=dict)
    transactions: int = 0
    late_points: int = 0  # points whose price came later than its slot
    provider_start: Decimal = Decimal(0)


class Scenario:
    """One run. `progress` is told the number of bars done."""

    def __init__(
        self,
        venue: Venue,
        replay: Replay,
        population: Population,
        seed: int,
        signers: list[str],
        progress: Callable[[int], None] = lambda bar: None,
    ) -> None:
        self.venue = venue
        self.chain = venue.chain
        self.replay = replay
        self.population = population
        self.seed = seed
        self.progress = progress
        self.record = Record()
        self.journal = Journal(words.deficits(venue.core.address, COLLATERAL))
        self.gas = GasMeter()
        self.sender = Sender(self.chain, seen=self._seen)
        domain = Domain(self.chain.chain_id, venue.oracle.address)
        self.keeper = self.chain.account("keeper")
        self.keepers = Keepers(
            venue,
            self.sender,
            self.journal,
            self.keeper,
            [PriceSigner(local_account(name), domain) for name in signers],
            caps_every=CAPS_EVERY,
        )
        self.owners = {
            trader.number: self.chain.account(f"trader {trader.number}")
            for trader in population.traders
        }
        self.accounts = {
            trader.number: words.account(self.owners[trader.number], trader.sub)
            for trader in population.traders
        }
        self.lps = {
            provider.number: self.chain.account(f"provider {provider.number}")
            for provider in population.providers
        }
        self._prices: dict[str, Decimal] = {}
        self._now = 0
        self._point = Point(0, 0, {})  # the last one pushed, at the time it was

    # The chain

    def _seen(self, outcome: Outcome) -> None:
        if outcome.receipt is None:
            return
        receipt = outcome.receipt
        self._now = max(self._now, receipt.timestamp)
        self.gas.note(outcome, self.journal)
        self.journal.observe(receipt.events)
        self.record.events.extend(receipt.events)
        for event in receipt.events:
            if event.name == "Sliced":
                args = event.args
                market = self.venue.market_of(args.instrument).name
                self.record.slices.append(
                    Slice(
                        receipt.timestamp,
                        args.account,
                        market,
                        human(args.size),
                        human(args.price),
                        args.whole,
                    )
                )

    def _at(self, time: int) -> None:
        """Mine a block at this time, or as soon after as the chain is."""
        if time > self._now:
            self.chain.set_time(time)
            self._now = time

    def _in_blocks(self, transactions: list[Transaction]) -> None:
        """Set-up: everything must succeed."""
        for at in range(0, len(transactions), BLOCK):
            for outcome in self.sender.send(transactions[at : at + BLOCK]):
                if outcome.error:
                    raise outcome.error

    # Before the first bar

    def start_time(self) -> int:
        """When the chain must stand at the latest before `run`."""
        return self.replay.times[0] - 2 * self.venue.epoch_seconds - WARM_UP

    def set_up(self) -> None:
        """Fund everybody, push first prices, let the providers in."""
        venue = self.venue
        self._now = self.chain.time()
        self._at(self.start_time())
        deployer = self.chain.sender
        people: list[tuple[str, int, Decimal]] = [
            (self.owners[one.number], self.accounts[one.number], one.deposit)
            for one in self.population.traders
        ]
        people += [
            (self.lps[one.number], words.account(self.lps[one.number]), one.deposit)
            for one in self.population.providers
        ]
        mint = [
            Transaction(venue.token, "mint", (owner, venue.tokens(2 * amount)), deployer, "mint")
            for owner, _, amount in people
        ]
        self._in_blocks(mint)
        self._in_blocks([venue.approve(owner) for owner, _, _ in people])
        self._in_blocks(
            [venue.deposit(account, owner, amount) for owner, account, amount in people]
        )
        self._in_blocks([venue.permit_vault(owner) for owner in self.lps.values()])
        self._in_blocks(
            [
                venue.request_deposit(
                    words.account(self.lps[one.number]), self.lps[one.number], one.deposit
                )
                for one in self.population.providers
            ]
        )
        first = self.replay.times[0]
        opening = {name: bars[0].open for name, bars in self.replay.bars.items()}
        ready = first - WARM_UP // 2
        self._push(Point(ready - ready % venue.slot_seconds, 0, opening, jump=True))
        self._vault(True)
        self._vault(True)
        if self.journal.requests:
            raise RuntimeError("the providers' deposits were not processed before the first bar")
        self.record.provider_start = human(
            sum(wad(one.deposit) for one in self.population.providers)
        )

    # Prices

    def _target(self, name: str, price: Decimal, slot: int, longest: int) -> Target:
        feed = self.venue.markets[name].feed
        last_slot, last_price = self.journal.last_push(feed)
        return Target(
            feed, wad(price), slot, last_price, last_slot, self.venue.max_steps[feed], longest
        )

    def _push(self, point: Point) -> None:
        """Walk every market to the point, slice on the way, end a second after the last push."""
        slot_seconds = self.venue.slot_seconds
        slot = -(-max(point.time, self._now) // slot_seconds)
        longest = 0 if point.jump else LONGEST_MOVE
        targets = [self._target(name, price, slot, longest) for name, price in point.prices.items()]
        moments = price_pusher.decide(targets, slot_seconds)
        for moment in moments:
            self._at(moment.slot * slot_seconds)
            self._must(self.keepers.push_calls(moment.pushes))
            self._at(self._now + 1)
            self._brake()
            if moment is not moments[-1]:
                self._slice()
        if moments and moments[-1].slot > slot:
            self.record.late_points += 1
        self._prices.update(point.prices)
        self._point = replace(point, time=self._now)
        for name, price in point.prices.items():
            self.record.lows[name] = min(price, self.record.lows.get(name, price))
            self.record.highs[name] = max(price, self.record.highs.get(name, price))

    def _must(self, transactions: list[Transaction]) -> None:
        for outcome in self.sender.send(transactions):
            if outcome.error:
                raise outcome.error

    def _push_wanted(self, until: Point | None) -> bool:
        """The slots that orders wait for, once they have opened. Whether any was pushed."""
        slot_seconds = self.venue.slot_seconds
        wanted = sorted(
            (slot, name)
            for name, market in self.venue.markets.items()
            for slot in self.journal.wanted_slots(market.feed)
        )
        pushed = False
        for slot, name in wanted:
            feed = self.venue.markets[name].feed
            last_slot, _ = self.journal.last_push(feed)
            if slot <= last_slot:
                continue  # its window passed without a price: the executor ends the order
            if until is not None and slot * slot_seconds >= until.time:
                continue  # the next point brings it
            pushed = True
            price = self._between(name, slot * slot_seconds, until)
            for moment in price_pusher.decide([self._target(name, price, slot, 0)], slot_seconds):
                self._at(moment.slot * slot_seconds)
                self._must(self.keepers.push_calls(moment.pushes))
            self._prices[name] = price
        return pushed

    def _between(self, name: str, time: int, until: Point | None) -> Decimal:
        """The path's price on the straight line to the next point; a jump comes at its end."""
        here, since = self._point.prices[name], self._point.time
        if until is None or until.jump or until.time <= since:
            return here
        share = min(max(Decimal(time - since) / (until.time - since), Decimal(0)), Decimal(1))
        return here + (until.prices[name] - here) * share

    # Keepers

    def _marks(self) -> dict[int, int]:
        return {
            market.instrument: self.journal.last_push(market.feed)[1]
            for market in self.venue.markets.values()
        }

    def _brake(self) -> None:
        """After each price: the breaker, before anybody is liquidated."""
        transactions = self.keepers.breaker_calls(self._now)
        if transactions:
            self.sender.send(transactions)
            self.keepers.breaker_calls(self._now)

    def _slice(self) -> None:
        for _ in range(SLICING_ROUNDS):
            transactions = self.keepers.liquidation_calls(self._marks(), self._now)
            if not transactions or not any(one.done for one in self.sender.send(transactions)):
                return

    def _fill(self, until: Point | None) -> None:
        """Let waiting and woken orders meet their slots."""
        for cycle in range(1, CYCLES + 1):
            soon = until is not None and self._now + self.venue.slot_seconds >= until.time
            transactions = self.keepers.order_calls(self._now, waking=cycle < CYCLES and not soon)
            if transactions:
                self.sender.send(transactions)
            if not self._push_wanted(until):
                return
            self._at(self._now + 1)
            self._slice()

    def _vault(self, fresh: bool) -> None:
        transactions = self.keepers.vault_calls(self._now, fresh)
        if transactions:
            self.sender.send(transactions)

    # Traders

    def _act(self, intents: list[Intent]) -> None:
        transactions = [made for intent in intents if (made := self._transaction(intent))]
        for outcome in self.sender.send(transactions):
            if outcome.error:
                self.record.refused[outcome.error.name] += 1

    def _transaction(self, intent: Intent) -> Transaction | None:
        trader = self.population.traders[intent.trader]
        owner, account = self.owners[trader.number], self.accounts[trader.number]
        venue = self.venue
        if intent.kind is Kind.TOP_UP:
            return venue.deposit(account, owner, trader.deposit * intent.leverage)
        if intent.kind is Kind.WITHDRAW:
            return venue.withdraw(account, owner, trader.deposit * intent.leverage)
        price = self._prices[intent.market]
        instrument = venue.markets[intent.market].instrument
        held = human(self.journal.sizes.get(account, {}).get(instrument, 0))
        if intent.kind in (Kind.CLOSE, Kind.REDUCE):
            if not held:
                return None
            size = -held if intent.kind is Kind.CLOSE else _whole(-held * intent.leverage)
            order = venue.order(account, intent.market, size, price, self._now, reduce_only=True)
            return venue.place(order, owner)
        if intent.kind is not Kind.OPEN and not held:
            return None  # liquidated or never opened: nothing to add to
        size = _whole(trader.deposit * intent.leverage / price)
        rest_at = None
        if intent.kind is Kind.REST:
            rest_at = price * (1 - intent.offset if size > 0 else 1 + intent.offset)
        order = venue.order(
            account,
            intent.market,
            size,
            price,
            self._now,
            rest_at=rest_at,
            lifetime=RESTING_LIFE if rest_at is not None else None,
        )
        return venue.place(order, owner)

    def _redeem(self, provider: Provider) -> None:
        owner = self.lps[provider.number]
        shares = self.venue.vault.call("balanceOf", owner)
        part = int(Decimal(shares) * provider.redeem_share)
        if part:
            self._must([self.venue.request_redeem(words.account(owner), owner, part)])

    # The run

    def run(self) -> Record:
        intents: dict[tuple[int, int], list[Intent]] = {}
        for intent in self.population.intents():
            intents.setdefault((intent.bar, intent.point), []).append(intent)
        redeeming = {one.redeem_bar: one for one in self.population.providers if one.redeem_share}
        poked = self.replay.times[0]
        for leg, (point, until) in enumerate(_with_next(points(self.replay, self.seed))):
            self._push(point)
            self._slice()
            if acts := intents.get((point.bar, leg % 4)):
                self._act(acts)
            self._fill(until)
            if leg % 4 == 3:
                self.sender.forgive()
                if point.bar in redeeming:
                    self._redeem(redeeming[point.bar])
                if point.time - poked >= POKE_EVERY:
                    poked = point.time
                    pokes = [self.venue.poke(name, self.keeper) for name in self.venue.markets]
                    self.sender.send(pokes)
                self._vault(True)
                self._sample(point)
                self.progress(point.bar + 1)
        self._finish()
        self.record.transactions = self.sender.sent
        return self.record

    def _finish(self) -> None:
        """Past the end of open epochs, so that the last redemptions are processed and claimed."""
        if not self.journal.requests:
            return
        epoch = max(request.epoch for request in self.journal.requests.values())
        after = (epoch + 1) * self.venue.epoch_seconds + self.venue.slot_seconds
        time = max(after, self._now + self.venue.slot_seconds)
        self._push(Point(time, len(self.replay) - 1, dict(self._prices), jump=True))
        self._slice()
        self._vault(True)
        self._vault(True)

    def _sample(self, point: Point) -> None:
        longs, shorts = {}, {}
        for name, market in self.venue.markets.items():
            word = self.venue.core.call("interest_word", market.instrument)
            interest = words.Interest.unpack(word)
            longs[name], shorts[name] = human(interest.long_side), human(interest.short_side)
        share = human(self.venue.vault.call("share_price"), 27)
        bars = {name: bars[point.bar] for name, bars in self.replay.bars.items()}
        self.record.samples.append(
            Sample(
                self.replay.times[point.bar],
                dict(point.prices),
                {name: bar.low for name, bar in bars.items()},
                {name: bar.high for name, bar in bars.items()},
                longs,
                shorts,
                share,
            )
        )


def _whole(size: Decimal) -> Decimal:
    return size.quantize(SIZE_STEP, ROUND_DOWN)


def _with_next(stream: Iterator[Point]) -> Iterator[tuple[Point, Point | None]]:
    before: Point | None = None
    for point in stream:
        if before is not None:
            yield before, point
        before = point
    if before is not None:
        yield before, None
