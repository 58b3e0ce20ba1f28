"""Two-step orders against the vault (contracts/venues/, IExchange.vyi)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tidegate.client.errors import ProtocolError
from tidegate.client.orders import MAX_KEEPER_FEES, MAX_LIMIT, MAX_SIZE, PLACES, Order, OrderState
from tidegate.spec import words
from tidegate.spec.clearing import TRADE_RIGHT, ClearingHouse, Fill
from tidegate.spec.host import Host, Table, require
from tidegate.spec.oracle import PriceOracle
from tidegate.spec.rounding import PPM, WAD, div_up
from tidegate.spec.vault import LiquidityVault
from tidegate.spec.words import MICRO

MAX_STAKE = 2**56 - 1  # 1e-6 collateral
GRACE_SLOTS = 2
# Refusals that end an order: the lapse fee is spared, spared within the grace, lost.
NO_FAULT = ("Paused",)
CAPS = ("OpenInterestCap", "SkewCap")
FAULT = ("InsufficientMargin", "BelowMinimum", "TooManyPositions")


@dataclass(frozen=True, slots=True)
class Placed:
    """What an order word says, with the order itself in place of its hash."""

    order: Order
    stake: int  # 1e-6 collateral in escrow, the account's once the order has ended
    slot: int
    state: OrderState


def taker_fee_up(size: int, price: int, taker_fee: int) -> int:
    """The most a fill may charge, 1e-18 collateral."""
    return div_up(abs(size) * price * taker_fee, WAD * PPM)


def refusal_of(call: Callable[[], object]) -> str:
    """The name of the error a call refuses with, "" if it does not."""
    try:
        call()
    except ProtocolError as error:
        return error.name
    except OverflowError:
        return "OutOfGas"  # a call that says nothing may have run out of gas
    return ""


class Exchange:
    """The contract's twin."""

    def __init__(
        self,
        host: Host,
        address: int,
        core: ClearingHouse,
        oracle: PriceOracle,
        vault: LiquidityVault,
        window: int,
        min_keeper_fee: int,
        lapse_ratio: int,
    ) -> None:
        self.host = host
        self.address = address
        self.core = core
        self.oracle = oracle
        self.vault = vault
        self.window = window
        self.min_keeper_fee = min_keeper_fee
        self.lapse_ratio = lapse_ratio
        self.escrow = words.account(address)
        self.orders: Table[tuple[int, int], Placed | None] = Table(host, None)

    def place(self, order: Order, sender: int) -> None:
        with self.host.call():
            slot = self._next_slot()
            require(self._is_valid(order), "BadOrder")
            require(order.expiry >= slot * self.oracle.slot_seconds, "TooLate")
            self._require_trader(order.account, sender)
            if order.reduce_only or order.instrument % words.INSTRUMENTS_PER_UNDERLYING:
                require(self.core.risk[order.instrument] is not None, "NotListed")
            known = self.orders[order.account, order.place]
            unused = known is None or (known.state == OrderState.ENDED and known.order != order)
            require(unused, "OrderExists")
            stake = 0 if known is None else known.stake
            if not order.reduce_only:
                price, fresh = self.oracle.latest(order.feed, self.host.now)
                require(price != 0, "NotListed")
                require(fresh, "StalePrice")
                need = self.lapse_fee_up(order.size, price) + self.least_stake
                if need > stake:
                    require(need <= MAX_STAKE, "AmountTooLarge")
                    amount = (need - stake) * MICRO
                    self._clear([self._payment(order.account, self.escrow, amount)])
                    stake = need
            state = OrderState.RESTING if order.resting else OrderState.WAITING
            self._store(order, stake, slot, state)

    def cancel(self, order: Order, sender: int) -> None:
        with self.host.call():
            self._require_trader(order.account, sender)
            known = self._open(order)
            lapsed = (
                known.state == OrderState.WAITING
                and self.host.now >= known.slot * self.oracle.slot_seconds
                and not self._is_dead(order.feed, known.slot)
            )
            self._end(known, lapsed, order.account)

    def release(self, account: int, place: int, sender: int) -> None:
        with self.host.call():
            self._require_trader(account, sender)
            known = self.orders[account, place % PLACES]
            require(known is None or known.state == OrderState.ENDED, "OrderExists")
            require(known is not None and known.stake != 0, "ZeroAmount")
            assert known is not None
            self._clear([self._payment(self.escrow, account, known.stake * MICRO)])
            self._store(known.order, 0, known.slot, known.state)

    def wake(self, order: Order, slot: int) -> None:
        with self.host.call():
            known = self._open(order)
            require(known.state == OrderState.RESTING, "UnknownOrder")
            require(slot >= known.slot, "TriggerNotMet")
            following = self._next_slot()
            require(following * self.oracle.slot_seconds <= order.expiry, "TooLate")
            price, _ = self.oracle.slot_price(order.feed, slot)
            require(price != 0, "NoPrice")
            require(order.met_by(price), "TriggerNotMet")
            self._store(order, known.stake, following, OrderState.WAITING)

    def execute(self, order: Order, keeper_account: int) -> None:
        with self.host.call():
            self._execute(order, keeper_account)

    def execute_many(self, orders: Sequence[Order], keeper_account: int) -> list[str]:
        """The reasons, "" for what was done."""
        with self.host.call():
            return [refusal_of(lambda o=one: self.execute(o, keeper_account)) for one in orders]

    def _execute(self, order: Order, keeper: int) -> None:
        """One order, one step; a refusal leaves everything as it was."""
        require(keeper != self.escrow, "BadFill")
        known, now = self._open(order), self.host.now
        if known.state == OrderState.RESTING:
            require(now > order.expiry, "TooSoon")
            return self._end(known, False, keeper)
        slot, slot_seconds = known.slot, self.oracle.slot_seconds
        opened = slot * slot_seconds
        require(now >= opened, "TooSoon")
        mark, volatility = self.oracle.slot_price(order.feed, slot)
        in_window = now <= opened + self.window
        if mark == 0:
            # within the window a price may still be posted, whatever the order's expiry
            require(not in_window, "NoPrice")
            return self._end(known, not self._is_dead(order.feed, slot), keeper)
        if not order.met_by(mark):
            return self._unmet(known, False, keeper)
        size = order.size
        if order.reduce_only:
            held = self.core.size_of(order.account, order.instrument)
            if held == 0 or (held > 0) == (size > 0):
                return self._end(known, False, keeper)
            size = max(size, -held) if held > 0 else min(size, -held)

        over = not in_window or now > order.expiry
        if over:
            # a resting order's quote is still asked: nobody is paid for resting it again
            if not order.resting:
                return self._end(known, not self._is_dead(order.feed, slot), keeper)
        elif now >= opened + slot_seconds:
            present = now // slot_seconds
            newer, newer_volatility = self.oracle.slot_price(order.feed, present)
            require(newer != 0, "NoPrice")
            if newer > mark if size > 0 else newer < mark:
                mark, volatility, slot = newer, newer_volatility, present
            if not order.met_by(mark):
                return self._unmet(known, False, keeper)

        try:
            price = self.vault.quote(order.instrument, size, mark, volatility)
        except ProtocolError:
            return self._end(known, False, keeper)
        in_grace = now <= opened + GRACE_SLOTS * slot_seconds
        if not order.met_by(price):
            return self._unmet(known, not in_grace and not order.resting, keeper)
        if over:
            return self._end(known, not self._is_dead(order.feed, slot), keeper)

        payments: list[Fill] = []
        if keeper != order.account:
            payments = [self._payment(order.account, keeper, order.keeper_fee)]
        fill = self._fill(order, size, price, slot)
        refusal = refusal_of(lambda: self._clear([fill, *payments]))
        if refusal == "":
            return self._store(order, known.stake, known.slot, OrderState.ENDED)
        require(refusal in NO_FAULT + CAPS + FAULT, refusal)
        lapsed = refusal in FAULT or (refusal in CAPS and not in_grace)
        return self._end(known, lapsed, keeper)

    def _unmet(self, known: Placed, lapsed: bool, keeper: int) -> None:
        """The limit does not hold: a resting order rests again, another ends."""
        if not known.order.resting or self.host.now > known.order.expiry:
            return self._end(known, lapsed, keeper)
        return self._store(known.order, known.stake, self._next_slot(), OrderState.RESTING)

    def _fill(self, order: Order, size: int, price: int, slot: int) -> Fill:
        pool = words.pool(self.vault.address, order.feed)
        fee = taker_fee_up(size, price, self.core.trade[order.instrument].taker_fee)
        return Fill(order.account, pool, order.instrument, size, price, fee, slot)

    def _end(self, known: Placed, lapsed: bool, keeper: int) -> None:
        """Every way an order ends but a fill; what is left of the stake stays."""
        order, stake = known.order, known.stake
        if not order.reduce_only:
            least = self.least_stake if keeper != order.account else 0
            lapse_fee = self._lapsing(known) if lapsed else 0
            shares = [(keeper, least), (words.treasury(self.vault.address), lapse_fee)]
            payments = [
                self._payment(self.escrow, target, amount * MICRO)
                for target, amount in shares
                if amount
            ]
            if payments:
                self._clear(payments)
            stake -= least + lapse_fee
        self._store(order, stake, known.slot, OrderState.ENDED)

    def _lapsing(self, known: Placed) -> int:
        """The lapse fee at the price in force, as far as the stake goes, 1e-6 collateral."""
        most = known.stake - self.least_stake
        price, _ = self.oracle.latest(known.order.feed, self.host.now)
        return min(most, self.lapse_fee_up(known.order.size, price)) if price else most

    @property
    def least_stake(self) -> int:
        """What an end pays its keeper, 1e-6 collateral."""
        return self.min_keeper_fee // MICRO

    def lapse_fee_up(self, size: int, price: int) -> int:
        """1e-6 collateral."""
        return div_up(abs(size) * price * self.lapse_ratio, WAD * PPM * MICRO)

    @staticmethod
    def _payment(source: int, target: int, amount: int) -> Fill:
        return Fill(source, target, 0, 0, 0, amount)

    def _clear(self, fills: list[Fill]) -> None:
        try:
            self.core.clear(fills, self.address)
        except OverflowError:
            raise ProtocolError("OutOfGas") from None

    def _open(self, order: Order) -> Placed:
        """The open order of this hash."""
        known = self.orders[order.account, order.place]
        is_open = known is not None and known.state != OrderState.ENDED and known.order == order
        require(is_open, "UnknownOrder")
        assert known is not None
        return known

    def _store(self, order: Order, stake: int, slot: int, state: OrderState) -> None:
        self.orders[order.account, order.place] = Placed(order, stake, slot, state)

    def _is_valid(self, order: Order) -> bool:
        later = (order.trigger, order.trigger_price, order.trail, order.slot, order.group)
        least = self.min_keeper_fee
        return (
            not any(later)
            and order.limit <= MAX_LIMIT
            and (order.limit != 0 or order.size < 0)
            and 0 < abs(order.size) <= MAX_SIZE
            and least <= order.keeper_fee <= least * MAX_KEEPER_FEES
        )

    def _is_dead(self, feed: int, slot: int) -> bool:
        """Whether the window has gone by without any price of the slot or later."""
        if self.host.now <= slot * self.oracle.slot_seconds + self.window:
            return False
        return self.oracle.feeds[feed].slot < slot

    def _next_slot(self) -> int:
        return self.host.now // self.oracle.slot_seconds + 1

    def _require_trader(self, account: int, sender: int) -> None:
        require(self.core.may(account, sender, TRADE_RIGHT), "NotPermitted")
