"""Every role there is. A new role is one entry: what it reads, decides, is about, and calls.

The service (service.py), `tidegate keepers roles` and the metrics go by this list and know no role
by name. An entry's functions are pure but for `call`, which only encodes.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tidegate.chain import Receipt
from tidegate.client.calls import Transaction
from tidegate.client.venue import Venue
from tidegate.keepers import (
    breaker_pokes,
    liquidator,
    order_executor,
    price_pusher,
    readings,
    vault_claims,
)
from tidegate.keepers.actions import (
    Absorb,
    Action,
    Bid,
    Book,
    Claim,
    Deleverage,
    EndAuction,
    Execute,
    Liquidate,
    OpenAuction,
    PokeBreaker,
    PokeCaps,
    ProcessEpoch,
    Publish,
    Settle,
    TakeOver,
    Wake,
)
from tidegate.keepers.auctions import AuctionAction
from tidegate.keepers.journal import reason
from tidegate.keepers.snapshot import Need, Snapshot
from tidegate.spec import words
from tidegate.spec.breaker import allows

Decide = Callable[[Snapshot], list[Any]]


def _no_refusals(action: Any, returned: Any) -> Mapping[str, str]:
    return {}


def _no_skips(action: Any, receipt: Receipt) -> Mapping[str, str]:
    return {}


def _no_reward(action: Any, snapshot: Snapshot) -> int:
    return 0


@dataclass(frozen=True)
class Role:
    """One role. `items` names what an action is about: lock, retries and split go by it.

    `narrow` makes a batch smaller; without it an action has one item. `refused` tells from the
    simulation's result, `skipped` from the receipt, which items of a batch were left as they were.
    `reward` is what the action may earn, 1e-18; `loss` what a transaction of the role may lose.
    """

    name: str
    about: str
    acts: tuple[type, ...]
    decide: Decide
    items: Callable[[Any], tuple[str, ...]]
    call: Callable[[Any, Venue, str], Transaction]
    needs: Need = Need.NOTHING
    narrow: Callable[[Any, Collection[str]], Any] | None = None
    refused: Callable[[Any, Any], Mapping[str, str]] = _no_refusals
    skipped: Callable[[Any, Receipt], Mapping[str, str]] = _no_skips
    reward: Callable[[Any, Snapshot], int] = _no_reward
    loss: Decimal = Decimal(5)  # collateral


# Prices


def _carry(snapshot: Snapshot) -> list[Publish]:
    return price_pusher.carry(
        price_pusher.CarrierState(
            now=snapshot.now,
            slot_seconds=snapshot.slot_seconds,
            offers=snapshot.offers,
            prices=snapshot.prices,
            newest=snapshot.newest,
            wanted=snapshot.wanted,
            heartbeat=snapshot.heartbeat,
            deviation=snapshot.deviation,
            free=snapshot.free,
        )
    )


def _call_publish(action: Publish, venue: Venue, address: str) -> Transaction:
    args = (action.feed, action.slot, action.price, action.published, action.signatures)
    return Transaction(venue.oracle, "push", args, address, "oracle_push", action)


# The breaker


def _brake_item(instrument: int) -> str:
    return f"breaker {instrument}"


def _pokes(snapshot: Snapshot) -> list[PokeBreaker]:
    state = breaker_pokes.BreakerState(snapshot.now, snapshot.watched)
    return [
        poke for poke in breaker_pokes.decide(state) if snapshot.free(_brake_item(poke.instrument))
    ]


def _call_poke(action: PokeBreaker, venue: Venue, address: str) -> Transaction:
    args = (action.instrument,)
    return Transaction(venue.breaker, "poke", args, address, "breaker_poke", action)


# Orders


def _order_item(key: bytes) -> str:
    return f"order 0x{key.hex()}"


def _execute(snapshot: Snapshot) -> list[Execute | Wake]:
    orders = [held for held in snapshot.orders if snapshot.free(_order_item(held.key))]
    state = order_executor.ExecutorState(
        snapshot.now,
        snapshot.window,
        snapshot.slot_seconds,
        orders,
        snapshot.prices,
        snapshot.newest,
        snapshot.quotes,
    )
    return order_executor.decide(state)


def _keys(action: Execute | Wake) -> tuple[str, ...]:
    return tuple(_order_item(key) for key in action.keys)


def _narrow_orders(action: Execute | Wake, items: Collection[str]) -> Execute | Wake:
    if isinstance(action, Wake):
        return action
    kept = [
        (order, key)
        for order, key in zip(action.orders, action.keys, strict=True)
        if _order_item(key) in items
    ]
    return Execute(tuple(order for order, _ in kept), tuple(key for _, key in kept))


def _refused_orders(action: Execute | Wake, returned: Any) -> Mapping[str, str]:
    """`execute_many` returns a reason for each that it would skip."""
    if not isinstance(returned, list):
        return {}
    return {
        _order_item(key): reason(why)
        for key, why in zip(action.keys, returned, strict=True)
        if any(why)
    }


def _skipped_orders(action: Execute | Wake, receipt: Receipt) -> Mapping[str, str]:
    return {
        _order_item(bytes(event.args.order_hash)): reason(event.args.reason)
        for event in receipt.events
        if event.contract == "Exchange" and event.name == "Skipped"
    }


def _order_reward(action: Execute | Wake, snapshot: Snapshot) -> int:
    """A fill pays the order's fee, an end the least one, of an opening order: count the least."""
    if isinstance(action, Wake):
        return 0
    return sum(
        0 if order.reduce_only else min(order.keeper_fee, snapshot.keeper_fee)
        for order in action.orders
    )


def _call_order(action: Execute | Wake, venue: Venue, address: str) -> Transaction:
    if isinstance(action, Wake):
        args: tuple[Any, ...] = (action.order, action.slot)
        return Transaction(venue.exchange, "wake", args, address, "wake", action)
    account = words.account(address)
    if len(action.orders) == 1:
        args = (action.orders[0], account)
        return Transaction(venue.exchange, "execute", args, address, "execute", action)
    args = (list(action.orders), account)
    return Transaction(venue.exchange, "execute_many", args, address, "execute", action)


# Liquidations


def _account_item(account: int) -> str:
    return f"account {account}"


def _liquidate(snapshot: Snapshot) -> list[Liquidate]:
    standings = [
        standing
        for standing in snapshot.standings
        if snapshot.free(_account_item(standing.account))
        and standing.account not in snapshot.lots.sliced_out
    ]
    braked = {one for one, level in snapshot.levels.items() if not allows(level, "slice")}
    actions = liquidator.decide(standings, braked=braked)
    return [action for action in actions if isinstance(action, Liquidate)]


def _accounts(action: Liquidate) -> tuple[str, ...]:
    return tuple(map(_account_item, action.accounts))


def _narrow_accounts(action: Liquidate, items: Collection[str]) -> Liquidate:
    kept = [
        pair
        for pair in zip(action.accounts, action.instruments, strict=True)
        if _account_item(pair[0]) in items
    ]
    return Liquidate(tuple(account for account, _ in kept), tuple(one for _, one in kept))


def _skipped_accounts(action: Liquidate, receipt: Receipt) -> Mapping[str, str]:
    return {
        _account_item(event.args.account): reason(event.args.reason)
        for event in receipt.events
        if event.contract == "Liquidator" and event.name == "Skipped"
    }


def _slice_reward(action: Liquidate, snapshot: Snapshot) -> int:
    """At most: an account pays one reward per window."""
    return sum(snapshot.rewards.get(instrument, 0) for instrument in action.instruments)


def _call_slice(action: Liquidate, venue: Venue, address: str) -> Transaction:
    args = (list(action.accounts), list(action.instruments), words.account(address))
    return Transaction(venue.liquidator, "liquidate", args, address, "liquidate", action)


# Auctions and what follows them


def _auction_item(account: int) -> str:
    return f"auction {account}"


def _deciding(*kinds: type) -> Decide:
    """Those of the auctions' actions that are of these kinds."""

    def decide(snapshot: Snapshot) -> list[Any]:
        return [
            action
            for action in readings.decided(snapshot.lots, snapshot.now)
            if isinstance(action, kinds) and snapshot.free(_auction_item(action.account))
        ]

    return decide


def _auction(action: AuctionAction) -> tuple[str, ...]:
    return (_auction_item(action.account),)


def _resolve_reward(action: TakeOver | Deleverage, snapshot: Snapshot) -> int:
    return snapshot.rewards.get(action.instrument, 0)


def _call_auction(action: AuctionAction, venue: Venue, address: str) -> Transaction:
    to, keeper_account = venue.liquidator, words.account(address)
    match action:
        case OpenAuction(account, instrument):
            args: tuple[Any, ...] = (account, instrument)
            return Transaction(to, "open_auction", args, address, "open_auction", action)
        case Bid(account, bidder, most, least_discount, deadline):
            args = (account, bidder, most, least_discount, deadline, 0)
            return Transaction(to, "bid", args, address, "bid", action)
        case EndAuction(account):
            return Transaction(to, "end_auction", (account,), address, "end_auction", action)
        case TakeOver(account, instrument):
            args = (account, instrument, keeper_account)
            return Transaction(to, "takeover", args, address, "takeover", action)
        case Deleverage(account, instrument):
            args = (account, instrument, keeper_account)
            return Transaction(to, "deleverage", args, address, "deleverage", action)


# Deficits


def _deficits(snapshot: Snapshot) -> list[Settle | Book]:
    """Positions of which a shared loss left nothing first: until then their account has one."""
    actions: list[Settle | Book] = [Settle(*one) for one in snapshot.lots.settled]
    actions += [
        Book(standing.account) for standing in snapshot.standings if liquidator.lacks_cash(standing)
    ]
    return [action for action in actions if all(map(snapshot.free, _deficit(action)))]


def _deficit(action: Settle | Book) -> tuple[str, ...]:
    if isinstance(action, Settle):
        return (f"position {action.account} {action.instrument}",)
    return (_account_item(action.account),)


def _call_deficit(action: Settle | Book, venue: Venue, address: str) -> Transaction:
    if isinstance(action, Book):
        return Transaction(venue.liquidator, "book", (action.account,), address, "book", action)
    args = (action.account, action.instrument)
    return Transaction(venue.core, "settle", args, address, "settle", action)


# The vault

VaultAction = ProcessEpoch | Claim | PokeCaps | Absorb


def _vault(snapshot: Snapshot) -> list[VaultAction]:
    state = vault_claims.VaultState(
        now=snapshot.now,
        epoch_seconds=snapshot.epoch_seconds,
        requests=snapshot.requests,
        processed=snapshot.processed,
        newest_slots=[
            snapshot.newest.get(feed, 0) * snapshot.slot_seconds for feed in snapshot.feeds
        ],
        all_fresh=snapshot.all_fresh,
        booked_deficit=snapshot.booked,
        caps_age=snapshot.caps_age,
        caps_every=snapshot.caps_every,
    )
    return [
        action
        for action in vault_claims.decide(state)
        if all(map(snapshot.free, _vault_items(action)))
    ]


def _vault_items(action: VaultAction) -> tuple[str, ...]:
    match action:
        case ProcessEpoch(epoch):
            return (f"epoch {epoch}",)
        case Claim(account):
            return (f"claim {account}",)
        case PokeCaps():
            return ("caps",)
        case Absorb():
            return ("deficit",)


def _call_vault(action: VaultAction, venue: Venue, address: str) -> Transaction:
    match action:
        case ProcessEpoch(epoch):
            return Transaction(
                venue.vault, "process_epoch", (epoch,), address, "lp_process", action
            )
        case Claim(account):
            return Transaction(venue.vault, "claim", (account,), address, "lp_claim", action)
        case PokeCaps():
            return Transaction(venue.vault, "poke_caps", (), address, "poke_caps", action)
        case Absorb():
            return Transaction(venue.vault, "absorb", (), address, "absorb", action)


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role(
            "price_pusher",
            "carries signed prices to the oracle: what orders wait for, and what is due",
            (Publish,),
            _carry,
            lambda action: (price_pusher.item_of(action),),
            _call_publish,
            Need.OFFERS,
        ),
        Role(
            "breaker_pokes",
            "lets the circuit breaker read the meters of every market that is due",
            (PokeBreaker,),
            _pokes,
            lambda action: (_brake_item(action.instrument),),
            _call_poke,
            Need.BREAKER,
        ),
        Role(
            "liquidator",
            "slices what is below maintenance",
            (Liquidate,),
            _liquidate,
            _accounts,
            _call_slice,
            Need.MARKS | Need.STANDINGS,
            narrow=_narrow_accounts,
            skipped=_skipped_accounts,
            reward=_slice_reward,
        ),
        Role(
            "auctions",
            "opens auctions where slices do not help, bids within limits, ends what is restored",
            (OpenAuction, Bid, EndAuction),
            _deciding(OpenAuction, Bid, EndAuction),
            _auction,
            _call_auction,
            Need.LOTS,
        ),
        Role(
            "takeovers",
            "lets the vault take what nobody bid for",
            (TakeOver,),
            _deciding(TakeOver),
            _auction,
            _call_auction,
            Need.LOTS,
            reward=_resolve_reward,
        ),
        Role(
            "deleveraging",
            "lets the other side share what the vault cannot take",
            (Deleverage,),
            _deciding(Deleverage),
            _auction,
            _call_auction,
            Need.LOTS,
            reward=_resolve_reward,
        ),
        Role(
            "deficits",
            "books what bankrupt accounts lack, settles positions of which losses left nothing",
            (Settle, Book),
            _deficits,
            _deficit,
            _call_deficit,
            Need.LOTS,
        ),
        Role(
            "order_executor",
            "fills orders that have their price, ends those that lapsed, wakes those that are met",
            (Execute, Wake),
            _execute,
            _keys,
            _call_order,
            Need.QUOTES,
            narrow=_narrow_orders,
            refused=_refused_orders,
            skipped=_skipped_orders,
            reward=_order_reward,
            loss=Decimal(1),
        ),
        Role(
            "vault_claims",
            "prices closed epochs, hands out claims, absorbs deficits, scales the caps",
            (ProcessEpoch, Claim, PokeCaps, Absorb),
            _vault,
            _vault_items,
            _call_vault,
            Need.MARKS,
        ),
    )
}


def call_of(action: Action, venue: Venue, address: str) -> Transaction:
    """The call of any action of any role, sent from an address and rewarded there."""
    return _ROLE_OF[type(action)].call(action, venue, address)


_ROLE_OF: dict[type, Role] = {kind: role for role in ROLES.values() for kind in role.acts}


def choose(names: Collection[str]) -> list[Role]:
    """The roles of these names in the registry's order, all without names; or KeyError."""
    unknown = sorted(set(names) - ROLES.keys())
    if unknown:
        raise KeyError(f"no role {', '.join(unknown)}; there are {', '.join(ROLES)}")
    return [role for role in ROLES.values() if not names or role.name in names]


__all__ = ["ROLES", "Role", "call_of", "choose"]
