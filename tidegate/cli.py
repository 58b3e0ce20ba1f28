"""The command `tidegate`."""

from pathlib import Path

import click
from rich.console import Console

from tidegate.deployment.commands import deploy_commands
from tidegate.keepers.commands import keeper_commands
from tidegate.prices.commands import prices_commands
from tidegate.simulation.paths import PathError, parse_time


@click.group()
@click.version_option(package_name="tidegate")
def main() -> None:
    """A derivatives exchange: deploy it, replay crashes on it."""


main.add_command(deploy_commands)
main.add_command(keeper_commands)
main.add_command(prices_commands)


def _price_files(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for value in values:
        name, separator, path = value.partition("=")
        if not separator or not path:
            raise click.BadParameter(f"{value!r} is not MARKET=FILE.csv")
        if name in files:
            raise click.BadParameter(f"{name} is named twice")
        files[name] = Path(path)
    return files


def _moment(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else parse_time(value)
    except PathError as error:
        raise click.BadParameter(str(error)) from None


@main.command()
@click.option(
    "--prices",
    multiple=True,
    callback=_price_files,
    metavar="MARKET=FILE.csv",
    help="OHLC bars of a market (BTC-PERP, ETH-PERP); give one for each. Default: generated.",
)
@click.option("--start", callback=_moment, metavar="ISO", help="First bar of the files to replay.")
@click.option("--end", callback=_moment, metavar="ISO", help="Replay bars before this time.")
@click.option("--gap", is_flag=True, help="Let prices jump so far that a deficit arises.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Of path, traders and their acts.",
)
@click.option("--traders", type=click.IntRange(1, 1000), help="Trader accounts. Default: 120.")
@click.option("--bars", type=click.IntRange(6, 5000), help="Bars of a generated path.")
@click.option(
    "--chain",
    "where",
    type=click.Choice(["auto", "anvil", "embedded"]),
    default="auto",
    show_default=True,
    help="anvil, or eth-tester inside this process. With --compare: anvil repeats one run.",
)
@click.option("--report", type=click.Path(path_type=Path), help="Write the figures as JSON.")
@click.option("--table", type=click.Path(path_type=Path), help="Write the table as Markdown.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="Write the picture. Default: out/demo.png, out/compare.png.",
)
@click.option(
    "--compare",
    "groups",
    multiple=True,
    is_flag=False,
    flag_value="dampers",
    type=click.Choice(["dampers", "speed", "size", "theory"]),
    help="Instead: real crashes with and without each damper, in process. Or other comparisons.",
)
@click.option("--seeds", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--resume", is_flag=True, help="With --compare: keep the rows of the report.")
@click.option(
    "--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="Of --compare."
)
def demo(
    prices, start, end, gap, seed, traders, bars, where, report, table, picture, groups, seeds,
    resume, processes,
) -> None:  # fmt: skip
    """Replay a crash on a local chain; exit 1 if a law of the ledger is false."""
    console = Console()
    if groups:
        outputs = (report, table, picture)
        _compare(groups, seeds, traders, processes, where, resume, outputs, console)
        return
    from tidegate import demo as demonstration

    picture = picture or Path("out/demo.png")
    try:
        result = demonstration.run(
            demonstration.Options(
                prices, start, end, gap, seed, traders, bars, where, report, table, picture
            ),
            console,
        )
    except (PathError, demonstration.NoChain) as error:
        raise click.ClickException(str(error)) from None
    if not result.holds:
        raise SystemExit(1)


def _compare(groups, seeds, traders, processes, where, resume, outputs, console: Console) -> None:
    from tidegate import compare

    report, table, picture = outputs
    options = compare.Options(
        groups=tuple(dict.fromkeys(groups)),
        seeds=seeds,
        accounts=traders or compare.ACCOUNTS,
        processes=processes,
        node=where == "anvil",
        resume=resume,
        report=report,
        table=table,
        picture=picture or Path("out/compare.png"),
    )
    try:
        rows = compare.run(options, console)
        same = compare.repeat_on_node(options, rows, console) if options.node else True
    except PathError as error:
        raise click.ClickException(str(error)) from None
    if not same or any(row.broken for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
