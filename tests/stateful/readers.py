"""How each table of the twins is read from the bytecode, and compared."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tidegate.spec import words
from tidegate.spec.host import Table

if TYPE_CHECKING:
    from tests.stateful.system import System

Reader = Callable[[Any], None]


def readers(system: "System") -> dict[int, Reader]:
    """By the table's identity; a reader compares the word of one key."""
    return {**_core(system), **_vault(system), **_others(system)}


def _core(system: "System") -> dict[int, Reader]:
    core, twin = system.contracts["core"], system.core

    def word(name: str, table: Table) -> Reader:
        def check(key: Any) -> None:
            args = key if isinstance(key, tuple) else (key,)
            value = core.call(name, *args)
            system.sums.note(name, args, value)
            record = table[key]
            system.equal(value, record.pack() if record else 0, f"{name} {args}")

        return check

    def held(account: int) -> None:
        value = core.call("account_word", account)
        system.sums.note("account_word", (account,), value)
        record = words.account_word(list(twin.held[account]), value & 1)
        system.equal(value, record, f"account_word {account:#x}")

    def outflow(asset: int) -> None:
        left, then = twin.outflow[asset]
        system.equal(core.call("outflow_word", asset), left << 40 | then, "outflow_word")

    def venue(address: int) -> None:
        value = core.call("venue_word", system.names[address])
        system.equal(value, twin.venues[address].pack(), "venue_word")

    losses = system.contracts["losses"]

    def loss_word(instrument: int, epoch: int, record: Any) -> None:
        value = losses.call("loss_word", core.address, instrument, epoch)
        system.sums.note("loss_word", (instrument, epoch), value)
        system.equal(value, record.pack(), f"loss_word {instrument} {epoch}")

    def lost(instrument: int) -> None:
        loss_word(instrument, 0, twin.losses.now[instrument])

    def lost_then(key: tuple[int, int]) -> None:
        loss_word(*key, twin.losses.epochs[key])

    return {
        id(twin.losses.now): lost,
        id(twin.losses.epochs): lost_then,
        id(twin.cash): word("cash_word", twin.cash),
        id(twin.positions): word("position_word", twin.positions),
        id(twin.indices): word("indices_word", twin.indices),
        id(twin.interest): word("interest_word", twin.interest),
        id(twin.carry): word("carry_word", twin.carry),
        id(twin.risk): word("risk_word", twin.risk),
        id(twin.trade): word("trade_word", twin.trade),
        id(twin.limits): word("limits_word", twin.limits),
        id(twin.held): held,
        id(twin.outflow): outflow,
        id(twin.venues): venue,
    }


def _vault(system: "System") -> dict[int, Reader]:
    vault, pool = system.contracts["vault"], system.vault

    def shares(holder: int) -> None:
        value = vault.call("balanceOf", system.names[holder])
        system.equal(value, pool.shares[holder], "shares")

    def supply(_: str) -> None:
        system.equal(vault.call("totalSupply"), pool.supply["all"], "supply of shares")

    def request(account: int) -> None:
        value = vault.call("request_word", account)
        system.sums.note("request_word", (account,), value)
        system.equal(value, request_word(pool.requests[account]), "request_word")

    def settled(epoch: int) -> None:
        record = pool.settled[epoch]
        value = record.price << 70 | record.filled << 40 | record.time
        value |= record.principal << 230
        system.equal(vault.call("epoch_word", epoch), value, "epoch_word")

    def waiting(epoch: int) -> None:
        record = pool.waiting[epoch]
        value = record.redemptions << 152 | record.deposits << 48
        value |= len(record.redeeming) << 40 | len(record.depositing) << 32 | record.previous
        system.equal(vault.call("waiting_word", epoch), value, "waiting_word")

    def queue(_: Any) -> None:
        value = sum(pool.rings[ring] << 32 * (ring + 1) for ring in range(4))
        system.equal(vault.call("queue_word"), value | pool.newest["all"], "queue_word")

    return {
        id(pool.shares): shares,
        id(pool.supply): supply,
        id(pool.requests): request,
        id(pool.settled): settled,
        id(pool.waiting): waiting,
        id(pool.newest): queue,
        id(pool.rings): queue,
    }


def _others(system: "System") -> dict[int, Reader]:
    def balance(holder: int) -> None:
        value = system.contracts["token"].call("balanceOf", system.names[holder])
        system.equal(value, system.token.balances[holder], "token balance")

    def orders_of(name: str) -> Reader:
        def order(key: tuple[int, int]) -> None:
            placed = getattr(system, name).orders[key]
            high = int.from_bytes(system.order_hash(placed.order, name), "big") >> 96
            record = high << 96 | placed.stake << 40 | placed.slot << 8 | placed.state
            value = system.contracts[name].call("order_word", *key)
            system.equal(value, record, "order_word")

        return order

    def state_word(account: int) -> None:
        value = system.contracts["slicer"].call("state_word", account)
        system.equal(value, system.slicer.states[account].pack(), "state_word")

    def bucket_word(instrument: int) -> None:
        value = system.contracts["slicer"].call("bucket_word", instrument)
        system.equal(value, system.slicer.buckets[instrument].pack(), "bucket_word")

    return {
        id(system.token.balances): balance,
        id(system.exchange.orders): orders_of("exchange"),
        id(system.successor.orders): orders_of("successor"),
        id(system.slicer.states): state_word,
        id(system.slicer.buckets): bucket_word,
    }


def request_word(record: Any) -> int:
    """As LiquidityVault.request_word."""
    if record.kind > 3:
        return record.gain << 144 | record.principal << 32 | record.epoch << 3 | record.kind
    return (
        record.amount << 160
        | record.least << 64
        | record.deadline << 32
        | record.epoch << 3
        | record.kind
    )
