"""What the events of one exchange say: open orders, positions, requests, prices, accounts.

Keepers decide from it and from a few readings; reports are made of it. Feed it every event once,
in order.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tidegate.abi import Event
from tidegate.client.errors import name_of
from tidegate.client.orders import Order, OrderState
from tidegate.keepers.order_executor import OpenOrder
from tidegate.keepers.vault_claims import Request

REMEMBERED = 64  # slots of a feed that can still matter to an open order


@dataclass
class Journal:
    """The state that events alone tell. Sizes, amounts and prices in 1e-18."""

    deficits: int  # the account that carries booked deficits
    orders: dict[bytes, OpenOrder] = field(default_factory=dict)
    sizes: dict[int, dict[int, int]] = field(default_factory=dict)  # account -> instrument
    accounts: set[int] = field(default_factory=set)
    requests: dict[int, Request] = field(default_factory=dict)
    processed: set[int] = field(default_factory=set)
    prices: dict[tuple[int, int], int] = field(default_factory=dict)  # (feed, slot)
    newest_slot: dict[int, int] = field(default_factory=dict)
    booked: int = 0  # deficits booked less repaid
    auctions: set[int] = field(default_factory=set)  # accounts in auctions that were not ended
    touched: set[int] = field(default_factory=set)  # accounts changed since last asked

    def observe(self, events: Iterable[Event]) -> None:
        for event in events:
            handler = getattr(self, f"_on_{event.contract}_{event.name}", None)
            if handler:
                handler(event.args)

    def take_touched(self) -> set[int]:
        """The accounts whose state changed since the last call."""
        touched, self.touched = self.touched, set()
        return touched

    def _touch(self, *accounts: int) -> None:
        self.accounts.update(accounts)
        self.touched.update(accounts)

    # ClearingHouse

    def _on_ClearingHouse_Deposited(self, args) -> None:
        self._touch(args.account)

    def _on_ClearingHouse_Withdrawn(self, args) -> None:
        self._touch(args.account)

    def _on_ClearingHouse_Moved(self, args) -> None:
        self._touch(args.source, args.target)
        # out of the deficit account: one was booked; into it: repaid
        self.booked += args.amount * (args.source == self.deficits)
        self.booked -= args.amount * (args.target == self.deficits)

    def _on_ClearingHouse_Filled(self, args) -> None:
        self._touch(args.taker, args.maker)
        for account, change in ((args.taker, args.size), (args.maker, -args.size)):
            self._change(account, args.instrument, change)

    def _on_ClearingHouse_Shared(self, args) -> None:
        self._touch(args.account)
        self._change(args.account, args.instrument, args.size)

    def _change(self, account: int, instrument: int, change: int) -> None:
        held = self.sizes.setdefault(account, {})
        size = held.get(instrument, 0) + change
        if size:
            held[instrument] = size
        else:
            held.pop(instrument, None)

    # Liquidator

    def _on_Liquidator_AuctionOpened(self, args) -> None:
        self._touch(args.account)
        self.auctions.add(args.account)

    def _on_Liquidator_AuctionEnded(self, args) -> None:
        self.auctions.discard(args.account)

    # Exchange

    def _on_Exchange_Placed(self, args) -> None:
        order = Order.placed(args)
        state = OrderState.RESTING if order.resting else OrderState.WAITING
        key = bytes(args.order_hash)
        self.orders[key] = OpenOrder(order, state, args.slot, key)

    def _moved(self, args, state: OrderState) -> None:
        key = bytes(args.order_hash)
        self.orders[key] = OpenOrder(self.orders[key].order, state, args.slot, key)

    def _on_Exchange_Woken(self, args) -> None:
        self._moved(args, OrderState.WAITING)

    def _on_Exchange_Rested(self, args) -> None:
        self._moved(args, OrderState.RESTING)

    def _on_Exchange_Executed(self, args) -> None:
        self.orders.pop(bytes(args.order_hash), None)

    def _on_Exchange_Ended(self, args) -> None:
        self.orders.pop(bytes(args.order_hash), None)

    # PriceOracle

    def _on_PriceOracle_Posted(self, args) -> None:
        self.prices[args.feed, args.slot] = args.price
        newest = max(self.newest_slot.get(args.feed, 0), args.slot)
        self.newest_slot[args.feed] = newest
        if len(self.prices) > 8 * REMEMBERED:
            self.prices = {
                (feed, slot): price
                for (feed, slot), price in self.prices.items()
                if slot > self.newest_slot[feed] - REMEMBERED
            }

    # LiquidityVault

    def _on_LiquidityVault_Requested(self, args) -> None:
        self.requests[args.account] = Request(args.account, args.epoch)

    def _on_LiquidityVault_Processed(self, args) -> None:
        self.processed.add(args.epoch)

    def _on_LiquidityVault_Claimed(self, args) -> None:
        self.requests.pop(args.account, None)

    # Readings of it

    def wanted_slots(self, feed: int) -> list[int]:
        """Slots without a price yet in which orders wait to fill."""
        return sorted(
            {
                held.slot
                for held in self.orders.values()
                if held.state is OrderState.WAITING
                and held.order.feed == feed
                and (feed, held.slot) not in self.prices
            }
        )

    def last_push(self, feed: int) -> tuple[int, int]:
        """Slot and price of the newest push; zeros without one."""
        slot = self.newest_slot.get(feed, 0)
        return slot, self.prices.get((feed, slot), 0)


def reason(selector: bytes) -> str:
    """The name of a bytes4 reason in an event; "" for none."""
    return "" if not any(selector) else name_of(bytes(selector))
