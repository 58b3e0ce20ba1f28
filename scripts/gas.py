"""Gas of every operation: receipts of whole transactions on anvil, into tests/snapshots/gas.json.

`--check` fails when a figure moved by more than 1 % and writes nothing. Otherwise the snapshot and
the tables of docs/gas.md are rewritten; what the keys mean is told there. Each operation is
measured from the same prepared chain, alone in its block, after its words have been used before.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path

from tests.harness.system import BTC, ETH, FOREVER, MOVE_RIGHT, TRADE_RIGHT, System, wad
from tidegate.anvil import find_anvil
from tidegate.artifacts import ROOT
from tidegate.chain import Contract, Receipt
from tidegate.client.orders import Order
from tidegate.deployment import COLLATERAL, DeploymentConfig, deploy, perpetual
from tidegate.spec.rounding import WAD
from tidegate.web3_chain import Web3Chain, local_node

SNAPSHOT = ROOT / "tests" / "snapshots" / "gas.json"
PAGE = ROOT / "docs" / "gas.md"
START = 1_800_000_000  # timestamp of the first block: calldata is priced by its bytes
TOLERANCE = 10  # per mille
BATCH = 10
FAR = 400  # seconds, longer than the window of keeper rewards

# The most an operation may cost.
GOALS = {
    "deposit": 52_000,
    "withdraw": 75_000,
    "place": 60_000,
    "execute_open_first": 165_000,
    "execute_open": 130_000,
    "execute_increase": 125_000,
    "execute_close": 125_000,
    "execute_batch10_each": 65_000,
    "liquidate_one": 122_000,
    "liquidate_each_more": 33_000,
    "funding_poke": 39_000,
    "oracle_push": 62_000,
    "lp_request": 90_000,
    "lp_claim": 110_000,
    "extra_position": 16_000,
}


@dataclass
class Spent:
    """Where a transaction's gas went."""

    transaction: int = 0  # base and calldata
    accounts: int = 0  # first touch of a contract, and every call's 100
    reads: int = 0
    writes: int = 0
    logs: int = 0
    signatures: int = 0
    rest: int = 0  # arithmetic, memory, hashing, jumps
    refund: int = 0  # taken off

    @property
    def total(self) -> int:
        return sum(astuple(self)) - 2 * self.refund


def spent(chain: Web3Chain, receipt: Receipt) -> Spent:
    """From the steps of a transaction, as anvil traced them."""
    transaction = chain.rpc("eth_getTransactionByHash", receipt.tx_hash)
    data = bytes.fromhex(transaction["input"][2:])
    account = Spent(transaction=21_000 + sum(16 if byte else 4 for byte in data))
    warm = {int(transaction["to"], 16), int(transaction["from"], 16), *range(11)}
    options = {"disableMemory": True, "disableStorage": True}
    trace = chain.rpc("debug_traceTransaction", receipt.tx_hash, options)
    for step in trace["structLogs"]:
        op, cost = step["op"], step["gasCost"]
        if op in ("CALL", "STATICCALL", "DELEGATECALL", "EXTCODESIZE", "EXTCODEHASH", "BALANCE"):
            target = int(step["stack"][-2 if op.endswith("CALL") else -1], 16)
            account.accounts += 100 if target in warm else 2600
            account.signatures += 3000 if target == 1 else 0
            warm.add(target)
        elif op == "SLOAD":
            account.reads += cost
        elif op == "SSTORE":
            account.writes += cost
        elif op.startswith("LOG"):
            account.logs += cost
        else:
            account.rest += cost
    account.refund = account.total - receipt.gas_used
    return account


@dataclass
class Bench:
    """A prepared exchange and what was measured on it."""

    system: System
    figures: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, Spent] = field(default_factory=dict)
    orders: int = 0

    @property
    def chain(self) -> Web3Chain:
        return self.system.chain  # type: ignore[return-value]

    def note(self, key: str, receipt: Receipt, traced: bool = True) -> None:
        self.figures[key] = receipt.gas_used
        if traced:
            self.accounts[key] = spent(self.chain, receipt)

    @contextlib.contextmanager
    def apart(self) -> Iterator[System]:
        """Undo what is done inside."""
        system = self.system
        prices, nonces = dict(system.prices), dict(system.nonces)
        checkpoint = system.chain.snapshot()
        yield system
        system.chain.restore(checkpoint)
        system.prices, system.nonces = prices, nonces
        # a signer signs a slot once; these slots come again
        for signer in system.signers.quorum:
            signer.signed.clear()

    def order(self, account: int, size: str, **changes: object) -> Order:
        """In the account's first order word, again and again."""
        self.orders += 1
        return self.system.order(account, BTC, size, nonce=256 * self.orders, **changes)

    def trade(self, account: int, size: str, **changes: object) -> Receipt:
        order = self.order(account, size, **changes)
        self.system.place(order)
        return self.system.execute(order)

    def send(self, contract: Contract, fn: str, *args: object, sender: str = "keeper") -> Receipt:
        return contract.transact(fn, *args, sender=self.system.actor(sender))


# The prepared exchange

VICTIMS = [f"victim {number}" for number in range(BATCH)]
BUYERS = [f"buyer {number}" for number in range(BATCH)]
PROVIDERS = [f"provider {number}" for number in range(BATCH)]


def markets(names: tuple[str, ...]) -> DeploymentConfig:
    """Skew beyond the calm range, so that funding runs; well within its limits."""
    both = (
        perpetual("BTC-PERP", 1, "60123.45", "5000", "250", "400", calm_skew="0.002"),
        perpetual("ETH-PERP", 2, "3012.34", "80000", "4000", "6400", calm_skew="0.002"),
    )
    return replace(
        DeploymentConfig(), markets=tuple(market for market in both if market.name in names)
    )


def begin(chain: Web3Chain, *names: str) -> Bench:
    """Deploy; a vault of 20 million; both sides open, the longs' larger; a keeper that earned."""
    config = markets(names)
    bench = Bench(System(deploy(chain, config), config))
    system = bench.system
    system.provide(system.actor("liquidity provider"), 20_000_000)
    bench.trade(system.fund(system.actor("crowd long"), 2_000_000), "50.5")
    bench.trade(system.fund(system.actor("crowd short"), 1_000_000), "-20.25")
    system.fund(system.actor("keeper"), 1_000)
    for name in ("trader", "holder", *BUYERS):
        account = system.fund(system.actor(name), 20_000)
        bench.trade(account, "0.5")
        bench.trade(account, "-0.5", reduce_only=True)
    bench.trade(system.account(system.actor("holder")), "0.5")
    for name in ("trader", "holder", "provider 0", "provider 1"):
        system.mint(system.actor(name), 100_000)
    system.pass_time(FAR)
    return bench


def account(system: System, name: str, sub: int = 0) -> int:
    return system.account(system.actor(name), sub)


# Cash


def cash(bench: Bench) -> None:
    core = bench.system.core
    keeper = account(bench.system, "keeper")
    for name, suffix in (("trader", ""), ("holder", "_holding")):
        here = account(bench.system, name)
        with bench.apart() as system:
            args = (here, COLLATERAL, 1_234_567_890)
            bench.note(f"deposit{suffix}", bench.send(core, "deposit", *args, sender=name))
        with bench.apart() as system:
            args = (here, COLLATERAL, 1_234_567_890, system.actor(name))
            bench.note(f"withdraw{suffix}", bench.send(core, "withdraw", *args, sender=name))
        with bench.apart() as system:
            args = (here, COLLATERAL, 1_234_567_890, system.actor(name))
            there = account(system, name, 1)
            units = system.mint(system.actor(name), 100)
            bench.send(core, "deposit", there, COLLATERAL, units, sender=name)
            args = (here, there, COLLATERAL, wad(1_234))
            bench.note(f"transfer_own{suffix}", bench.send(core, "transfer", *args, sender=name))
    with bench.apart() as system:
        args = (account(system, "trader"), keeper, COLLATERAL, wad(1_234))
        bench.note("transfer", bench.send(core, "transfer", *args, sender="trader"))
    with bench.apart() as system:
        trader = account(system, "trader")
        bench.trade(trader, "1.5")
        system.move(BTC, "62345.67")
        bench.trade(trader, "-1.5", reduce_only=True)
        args = (trader, COLLATERAL, 20_500_000_000, system.actor("trader"))
        bench.note("withdraw_gain", bench.send(core, "withdraw", *args, sender="trader"))
    with bench.apart() as system:
        delegate = system.actor("delegate")
        bench.send(core, "set_delegate", delegate, TRADE_RIGHT, START, sender="trader")
        args = (delegate, TRADE_RIGHT, FOREVER)
        bench.note("set_delegate", bench.send(core, "set_delegate", *args, sender="trader"))


# Orders


def orders(bench: Bench) -> None:
    exchange = bench.system.exchange
    trader, holder = (account(bench.system, name) for name in ("trader", "holder"))
    with bench.apart() as system:
        order = bench.order(trader, "0.5")
        bench.note("place", system.place(order))
        bench.note("cancel", bench.send(exchange, "cancel", order, sender="trader"))
    with bench.apart() as system:
        order = bench.order(trader, "0.5")
        system.place(order)
        system.next_slot()
        bench.note("cancel_late", bench.send(exchange, "cancel", order, sender="trader"))
    for key, here in (("place_pulls", trader), ("place_pulls_holding", holder)):
        with bench.apart() as system:
            bench.note(key, system.place(bench.order(here, "0.75")))
    with bench.apart() as system:
        order = bench.order(trader, "0.5")
        system.place(order)
        bench.send(exchange, "cancel", order, sender="trader")
        bench.note("release", bench.send(exchange, "release", trader, 0, sender="trader"))
    with bench.apart() as system:
        order = bench.order(holder, "-0.5", reduce_only=True)
        bench.note("place_reduce_only", system.place(order))
    with bench.apart() as system:
        order = bench.order(trader, "0.5", limit=wad("59999.99"), resting=True)
        system.place(order)
        system.move(BTC, "59123.45")
        args = (order, system.slot)
        bench.note("wake", bench.send(exchange, "wake", *args))
        system.move(BTC, "60123.45")
        args = (order, account(system, "keeper"))
        bench.note("execute_rests", bench.send(exchange, "execute", *args))
    with bench.apart() as system:
        order = bench.order(trader, "0.5", limit=wad("50000"))
        system.place(order)
        bench.note("execute_ends", system.execute(order))


def fills(bench: Bench) -> None:
    trader, holder = (account(bench.system, name) for name in ("trader", "holder"))
    with bench.apart() as system:
        newcomer = system.fund(system.actor("newcomer"), 20_000)
        bench.note("execute_open_first", bench.trade(newcomer, "0.5"))
    for key, here, size, changes in (
        ("execute_open", trader, "0.5", {}),
        ("execute_increase", holder, "0.25", {}),
        ("execute_reduce", holder, "-0.25", {"reduce_only": True}),
        ("execute_close", holder, "-0.5", {"reduce_only": True}),
        ("execute_close_ordinary", holder, "-0.5", {}),
    ):
        with bench.apart():
            bench.note(key, bench.trade(here, size, **changes))
    with bench.apart() as system:
        batch = [bench.order(account(system, name), "0.5") for name in BUYERS]
        for order in batch:
            system.place(order)
        system.next_slot()
        system.refresh()
        args = (batch, account(system, "keeper"))
        receipt = bench.send(system.exchange, "execute_many", *args)
        assert len(receipt.named("Executed")) == BATCH
        bench.figures["execute_batch10_each"] = receipt.gas_used // BATCH


# Liquidation, funding, prices


def liquidations(bench: Bench) -> None:
    with bench.apart() as system:
        for name in VICTIMS:
            bench.trade(system.fund(system.actor(name), 4_500), "1")
        accounts = sorted(account(system, name) for name in VICTIMS)
        system.move(BTC, "58000")
        assert len(_slice(bench, accounts).named("Sliced")) == BATCH
        system.pass_time(FAR)
        system.move(BTC, "57300")
        for count in (1, BATCH):
            checkpoint = system.chain.snapshot()
            receipt = _slice(bench, accounts[:count])
            slices = receipt.named("Sliced")
            assert len(slices) == count
            assert not any(one.args.whole for one in slices)
            if count == 1:
                bench.note("liquidate_one", receipt)
            else:
                more = receipt.gas_used - bench.figures["liquidate_one"]
                bench.figures["liquidate_each_more"] = more // (BATCH - 1)
            system.chain.restore(checkpoint)
        # where what is left of the account pays neither penalty nor another slice
        equity, *_, notional = system.health(accounts[0])
        fall = (equity - wad(40)) * system.prices[1] // notional
        system.move(BTC, str(Decimal(system.prices[1] - fall) / WAD))
        receipt = _slice(bench, accounts[:1])
        assert receipt.one("Sliced").args.whole
        assert not receipt.named("Absorbed")
        bench.note("liquidate_whole", receipt)
        system.move(BTC, "50000")
        order = bench.order(accounts[1], "-1", reduce_only=True)
        system.place(order)
        # nobody can be paid by it: its owner executes
        owner = next(name for name in VICTIMS if account(system, name) == accounts[1])
        system.execute(order, keeper=system.actor(owner))
        bench.note("book", bench.send(system.liquidator, "book", accounts[1]))
        bench.note("liquidate_bankrupt", _slice(bench, accounts[2:3]))


def _slice(bench: Bench, accounts: list[int]) -> Receipt:
    args = (accounts, [BTC] * len(accounts), account(bench.system, "keeper"))
    return bench.send(bench.system.liquidator, "liquidate", *args)


def prices(bench: Bench) -> None:
    with bench.apart() as system:
        system.pass_time(60)
        bench.note("funding_poke", bench.send(system.core, "poke", BTC))
    for key, used in (("oracle_push", True), ("oracle_push_new_slot", False)):
        with bench.apart() as system:
            slot = system.next_slot()
            while (system.oracle.call("slot_word", 1, slot) != 0) != used:
                slot = system.next_slot()
            args = system.signers.arguments(1, wad("60345.67"), system.now)
            bench.note(key, bench.send(system.oracle, "push", *args))


# The vault


def vault(bench: Bench) -> None:
    system, liquidity = bench.system, bench.system.vault
    with bench.apart():
        for name in PROVIDERS:
            system.fund(system.actor(name), 20_000)
            args = (liquidity.address, MOVE_RIGHT, FOREVER)
            bench.send(system.core, "set_delegate", *args, sender=name)
        # the first epoch makes shares; then every place of the four rings is used once
        for turn in range(5):
            half = BATCH // 2 if turn else BATCH
            _ask(bench, PROVIDERS[:half])
            for name in PROVIDERS[half:]:
                _redeem(bench, name)
            system.process_epoch()
            _claim(bench, PROVIDERS)
        _ask(bench, PROVIDERS[:1])
        bench.note("lp_request", _ask(bench, PROVIDERS[1:2])[0])
        bench.note("request_redeem", _redeem(bench, PROVIDERS[2]))
        _redeem(bench, PROVIDERS[3])
        bench.figures["lp_process"] = system.process_epoch().gas_used
        bench.note("lp_claim", _claim(bench, PROVIDERS[:1])[0])
        bench.note("claim_redeem", _claim(bench, PROVIDERS[2:3])[0])
        _claim(bench, [PROVIDERS[1], PROVIDERS[3]])
        _ask(bench, PROVIDERS[: BATCH // 2])
        for name in PROVIDERS[BATCH // 2 :]:
            _redeem(bench, name)
        more = system.process_epoch().gas_used - bench.figures["lp_process"]
        bench.figures["lp_process_each_more"] = more // (BATCH - 4)
    with bench.apart():
        bench.note("absorb", bench.send(liquidity, "absorb"))
    with bench.apart():
        bench.note("poke_caps", bench.send(liquidity, "poke_caps"))
    with bench.apart():
        args = (system.actor("provider 0"), wad(1_234))
        bench.send(liquidity, "transfer", *args, sender="liquidity provider")
        bench.note(
            "share_transfer", bench.send(liquidity, "transfer", *args, sender="liquidity provider")
        )


def _ask(bench: Bench, names: list[str]) -> list[Receipt]:
    system = bench.system
    return [
        bench.send(
            system.vault,
            "request_deposit",
            account(system, name),
            wad("1234.56"),
            wad(1_000),
            system.now + 86_400,
            sender=name,
        )
        for name in names
    ]


def _redeem(bench: Bench, name: str) -> Receipt:
    system = bench.system
    args = (account(system, name), wad("123.45"), wad(100), system.now + 86_400)
    return bench.send(system.vault, "request_redeem", *args, sender=name)


def _claim(bench: Bench, names: list[str]) -> list[Receipt]:
    system = bench.system
    return [bench.send(system.vault, "claim", account(system, name)) for name in names]


# A second market


def extra_position(bench: Bench) -> int:
    """What a trade of a holder costs more while it also holds the other market."""
    gas = []
    for also in (False, True):
        with bench.apart() as system:
            holder = account(system, "holder")
            system.trade(account(system, "crowd long"), ETH, "500.5")
            if also:
                system.trade(holder, ETH, "2.5")
            system.pass_time(FAR)
            gas.append(bench.trade(holder, "0.25").gas_used)
    return gas[1] - gas[0]


def measure() -> Bench:
    """All of it, on one chain."""
    with local_node(START, traced=True) as chain:
        bench = begin(chain, "BTC-PERP")
        for part in (cash, orders, fills, liquidations, prices, vault):
            part(bench)
        second = begin(chain, "BTC-PERP", "ETH-PERP")
        bench.figures["extra_position"] = extra_position(second)
    return bench


# Tables


def _difference(now: int, before: int | None) -> str:
    return "new" if before is None else f"{now - before:+,}" if now != before else ""


def show(figures: dict[str, int], before: dict[str, int]) -> None:
    print(f"{'operation':24}{'gas':>10}{'before':>10}{'change':>9}{'at most':>10}")
    for key in sorted(figures, key=_rank):
        gas, old, goal = figures[key], before.get(key), GOALS.get(key)
        line = f"{key:24}{gas:>10,}{old or '-':>10}{_difference(gas, old):>9}{goal or '':>10}"
        print(line + ("  above" if goal and gas > goal else ""))
    for key in before.keys() - figures.keys():
        print(f"{key:24} is no longer measured")


def _rank(key: str) -> tuple[int, str]:
    goals = list(GOALS)
    return (goals.index(key), "") if key in goals else (len(goals), key)


def goals_table(figures: dict[str, int]) -> Iterator[str]:
    yield "| key | gas | at most | met |"
    yield "|---|--:|--:|---|"
    for key, goal in GOALS.items():
        gas = figures[key]
        yield f"| {key} | {gas:,} | {goal:,} | {'yes' if gas <= goal else f'{gas - goal:,} over'} |"


def others_table(figures: dict[str, int]) -> Iterator[str]:
    yield "| key | gas |"
    yield "|---|--:|"
    for key in sorted(figures.keys() - GOALS.keys()):
        yield f"| {key} | {figures[key]:,} |"


def accounts_table(accounts: dict[str, Spent]) -> Iterator[str]:
    names = [item.name for item in fields(Spent)]
    yield f"| key | {' | '.join(names)} | gas |"
    yield "|---|" + "--:|" * (len(names) + 1)
    for key in sorted(accounts, key=_rank):
        if key in GOALS:
            one = accounts[key]
            cells = (*astuple(one), one.total)
            yield f"| {key} | " + " | ".join(f"{cell:,}" for cell in cells) + " |"


def write_page(page: Path, tables: dict[str, Iterator[str]]) -> None:
    """Put each table between its markers."""
    text = page.read_text()
    for name, lines in tables.items():
        head, tail = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, after = text.partition(head)
        _, _, after = after.partition(tail)
        text = before + head + "\n".join(lines) + "\n" + tail + after
    page.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only; status 1 beyond 1 %%")
    options = parser.parse_args()
    if find_anvil() is None:
        print("gas is measured on anvil, which was not found: run `make setup`", file=sys.stderr)
        return 1
    before: dict[str, int] = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    bench = measure()
    figures = bench.figures
    show(figures, before)
    if options.check:
        moved = [
            key
            for key in figures.keys() | before.keys()
            if abs(figures.get(key, 0) - before.get(key, 0)) * 1000
            > TOLERANCE * max(before.get(key, 0), 1)
        ]
        for key in sorted(moved):
            print(f"{key} moved by more than 1 %: run `make gas` and commit the snapshot")
        return 1 if moved else 0
    SNAPSHOT.parent.mkdir(parents=True, exist_ok=True)
    SNAPSHOT.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    tables: dict[str, Callable[[], Iterator[str]]] = {
        "goals": lambda: goals_table(figures),
        "others": lambda: others_table(figures),
        "accounts": lambda: accounts_table(bench.accounts),
    }
    if PAGE.exists():
        write_page(PAGE, {name: table() for name, table in tables.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
