"""What a run came to: figures from events, laws from the final state; as a table and as JSON."""

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from tidegate.abi import Event
from tidegate.client.units import human
from tidegate.keepers.journal import reason
from tidegate.simulation.paths import iso
from tidegate.simulation.scenario import Record
from tidegate.spec import words

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over the run. Money in units of the collateral."""

    fills: int = 0
    volume: Decimal = Decimal(0)
    orders_ended: dict[str, int] | None = None
    liquidations: int = 0
    liquidated_whole: int = 0
    liquidated_partial: int = 0
    liquidated_accounts: int = 0
    liquidated_notional: Decimal = Decimal(0)
    funding_paid: Decimal = Decimal(0)
    funding_received: Decimal = Decimal(0)
    trading_fees: Decimal = Decimal(0)
    penalties: Decimal = Decimal(0)
    lapse_fees: Decimal = Decimal(0)
    keeper_order_fees: Decimal = Decimal(0)
    keeper_rewards: Decimal = Decimal(0)
    deficit: Decimal = Decimal(0)
    deficit_repaid: Decimal = Decimal(0)

    @property
    def keeper_income(self) -> Decimal:
        return self.keeper_order_fees + self.keeper_rewards

    @property
    def deficit_left(self) -> Decimal:
        return self.deficit - self.deficit_repaid


def figures(events: list[Event], keeper: int, vault: int, deficits: int) -> Figures:
    """`keeper` and `deficits` are accounts, `vault` an address. Funding is what traders settled."""
    ended: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    accounts: set[int] = set()
    for event in events:
        args = event.args
        match event.name:
            case "Filled":
                sums["fills"] += 1
                sums["volume"] += abs(args.size) * args.price // 10**18
                for account, due in ((args.taker, args.taker_due), (args.maker, args.maker_due)):
                    if words.owner_of(account) != vault:
                        sums["paid" if due > 0 else "received"] += abs(due)
                sums["fees"] += args.fee
            case "Sliced":
                sums["slices"] += 1
                sums["whole"] += bool(args.whole)
                sums["sliced"] += abs(args.size) * args.price // 10**18
                sums["penalties"] += args.penalty
                sums["rewards"] += args.reward
                accounts.add(args.account)
            case "Ended":
                ended[reason(args.reason) or "cancelled"] += 1
                sums["lapsed"] += args.lapse_fee
            case "Moved":
                sums["income"] += args.amount * (args.target == keeper)
                sums["deficit"] += args.amount * (args.source == deficits)
                sums["repaid"] += args.amount * (args.target == deficits)
    return Figures(
        fills=sums["fills"] - sums["slices"],
        volume=human(sums["volume"]),
        orders_ended=dict(sorted(ended.items())),
        liquidations=sums["slices"],
        liquidated_whole=sums["whole"],
        liquidated_partial=sums["slices"] - sums["whole"],
        liquidated_accounts=len(accounts),
        liquidated_notional=human(sums["sliced"]),
        funding_paid=human(sums["paid"]),
        funding_received=human(sums["received"]),
        trading_fees=human(sums["fees"] - sums["penalties"]),
        penalties=human(sums["penalties"]),
        lapse_fees=human(sums["lapsed"]),
        keeper_order_fees=human(sums["income"] - sums["rewards"]),
        keeper_rewards=human(sums["rewards"]),
        deficit=human(sums["deficit"]),
        deficit_repaid=human(sums["repaid"]),
    )


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the demo tells at its end."""

    chain: str
    source: str
    seed: int
    traders: int
    seconds: Decimal  # wall clock of the run
    record: Record
    figures: Figures
    laws: dict[str, bool]
    gas: dict[str, int]
    provider_value: Decimal  # of all shares at the end, collateral
    provider_paid: Decimal  # to providers by claims

    @property
    def holds(self) -> bool:
        return all(self.laws.values())

    @property
    def provider_result(self) -> Decimal:
        """What the providers have or got, less what they gave."""
        return self.provider_value + self.provider_paid - self.record.provider_start

    def as_json(self) -> dict[str, Any]:
        """Money and prices as decimal strings, gas and counts as integers."""
        figures, record = self.figures, self.record
        first, last = record.samples[0], record.samples[-1]
        return {
            "laws": self.laws,
            "fills": figures.fills,
            "liquidations": figures.liquidations,
            "liquidated_whole": figures.liquidated_whole,
            "liquidated_partial": figures.liquidated_partial,
            "liquidated_accounts": figures.liquidated_accounts,
            "liquidated_notional": _plain(figures.liquidated_notional),
            "volume": _plain(figures.volume),
            "funding_paid": _plain(figures.funding_paid),
            "funding_received": _plain(figures.funding_received),
            "trading_fees": _plain(figures.trading_fees),
            "penalties": _plain(figures.penalties),
            "lapse_fees": _plain(figures.lapse_fees),
            "keeper_income": _plain(figures.keeper_income),
            "provider_result": _plain(self.provider_result),
            "share_value": _plain(last.share),
            "deficit": _plain(figures.deficit),
            "deficit_left": _plain(figures.deficit_left),
            "orders_ended": figures.orders_ended,
            "orders_refused": dict(sorted(record.refused.items())),
            "gas": self.gas,
            "prices": {
                name: {
                    "first": _plain(first.prices[name]),
                    "low": _plain(record.lows[name]),
                    "high": _plain(record.highs[name]),
                    "last": _plain(last.prices[name]),
                }
                for name in first.prices
            },
            "bars": len(record.samples),
            "from": iso(first.time),
            "to": iso(last.time),
            "traders": self.traders,
            "transactions": record.transactions,
            "seconds": _plain(self.seconds),
            "chain": self.chain,
            "source": self.source,
            "seed": self.seed,
        }

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n")


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _money(amount: Decimal) -> str:
    return f"{amount.quantize(CENT):,}"


def _price(amount: Decimal) -> str:
    return f"{amount.normalize():,f}"


def rows(report: Report) -> list[tuple[str, str]]:
    """The table's lines: what, how much."""
    figures, record = report.figures, report.record
    first, last = record.samples[0], record.samples[-1]
    lines = [
        ("bars", f"{len(record.samples)}, {iso(first.time)} to {iso(last.time)}"),
        *(
            (
                f"{name} low / high / last",
                f"{_price(record.lows[name])} / {_price(record.highs[name])} / "
                f"{_price(last.prices[name])}",
            )
            for name in first.prices
        ),
        ("fills of orders", f"{figures.fills:,}"),
        ("volume", f"{_money(figures.volume)}, liquidations included"),
        (
            "liquidations",
            f"{figures.liquidations}: {figures.liquidated_whole} whole, "
            f"{figures.liquidated_partial} partial, of {figures.liquidated_accounts} accounts, "
            f"notional {_money(figures.liquidated_notional)}",
        ),
        (
            "funding of traders",
            f"paid {_money(figures.funding_paid)}, received {_money(figures.funding_received)}",
        ),
        (
            "fees",
            f"trading {_money(figures.trading_fees)}, penalties {_money(figures.penalties)}, "
            f"lapsed {_money(figures.lapse_fees)}",
        ),
        (
            "keeper income",
            f"{_money(figures.keeper_income)} (orders {_money(figures.keeper_order_fees)}, "
            f"liquidations {_money(figures.keeper_rewards)})",
        ),
        (
            "LP result",
            f"{_money(report.provider_result)} on {_money(record.provider_start)}; "
            f"share value {last.share.quantize(Decimal('0.000001'))}",
        ),
        (
            "deficit",
            f"{_money(figures.deficit)} booked, {_money(figures.deficit_repaid)} absorbed, "
            f"{_money(figures.deficit_left)} left",
        ),
    ]
    refused = Counter(record.refused)
    for name, count in (figures.orders_ended or {}).items():
        refused[f"order ended: {name}"] += count
    if refused:
        text = ", ".join(f"{name} {count}" for name, count in refused.most_common())
        lines.append(("refused", text))
    lines.append(
        ("run", f"{record.transactions:,} transactions in {report.seconds:.0f} s on {report.chain}")
    )
    return lines


def show(report: Report, console: Console) -> None:
    """The table, the gas and the laws."""
    table = Table(title=f"Tidegate: {report.source}", show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows(report):
        table.add_row(name, text)
    gas = Table(title="Gas, median per transaction", title_justify="left")
    gas.add_column("operation")
    gas.add_column("gas", justify="right")
    for name, used in report.gas.items():
        gas.add_row(name, f"{used:,}")
    laws = Table(title="Laws on the final state", title_justify="left", show_header=False)
    for name, holds in report.laws.items():
        laws.add_row(name, "[green]holds[/]" if holds else "[bold red]BROKEN[/]")
    console.print(Group(table, gas, laws))


def markdown(report: Report) -> str:
    """The table as it stands in the docs."""
    lines = ["| what | how much |", "| --- | --- |"]
    lines += [f"| {name} | {text} |" for name, text in rows(report)]
    laws = ", ".join(
        f"`{name}` {'holds' if holds else '**broken**'}" for name, holds in report.laws.items()
    )
    gas = ["", "| operation | gas, median |", "| --- | ---: |"]
    gas += [f"| {name} | {used:,} |" for name, used in report.gas.items()]
    return "\n".join([*lines, f"| laws | {laws} |", *gas]) + "\n"
