"""Does the cost of an operation grow with the exchange? The same calls among few and many accounts.

Each exchange is deployed on the embedded EVM and filled with accounts that hold cash, a position in
each market (long or short) and a resting order. Then one more trader acts. Figures are the gas of
its calls, without the transaction's 21,000 and calldata. Exit status 1 if one differs by more than
1 %.
"""

import argparse
import sys
from decimal import Decimal

from rich.progress import track

from tests.harness.system import BTC, ETH, System, wad
from tidegate.artifacts import artifact
from tidegate.deployment import COLLATERAL, TRADING, DeploymentConfig, deploy
from tidegate.revm_chain import RevmChain
from tidegate.spec.rounding import WAD

FEW, MANY = 10, 10_000
TOLERANCE = Decimal("0.01")
HELD = {BTC: wad("0.002"), ETH: wad("0.04")}  # 120 of notional each


def crowd(system: System, accounts: int) -> None:
    """So many accounts of one owner, half of them long; all but the last trade through a venue."""
    owner = system.actor("crowd")
    venue = system.chain.deploy(artifact("BackerMock"))
    configurator = system.deployment.configurator
    system.govern(configurator, "set_venue", system.core.address, venue.address, TRADING)
    system.mint(owner, 1_000 * (accounts + 1))
    for sub in track(range(accounts), f"{accounts:,} accounts", disable=not sys.stderr.isatty()):
        account = system.account(owner, sub)
        system.core.transact("deposit", account, COLLATERAL, 1_000 * 10**6, sender=owner)
        fills = [
            (
                account,
                system.deployment.pool(market),
                market,
                size if sub % 2 else -size,
                system.prices[market // 64],
                0,
                0,
            )
            for market, size in HELD.items()
        ]
        venue.transact("forward", system.core.address, system.core.encode("clear", fills))
        system.place(system.order(account, BTC, "0.002", limit=WAD, resting=True))


def measure(accounts: int) -> dict[str, int]:
    """Gas of each call with so many other accounts."""
    config = DeploymentConfig()
    system = System(deploy(RevmChain(), config), config)
    system.provide(system.actor("provider"), 50_000_000)
    crowd(system, accounts)
    gas: dict[str, int] = {}
    trader, owner = system.fund(system.actor("trader"), 212_000), system.actor("trader")
    system.trade(trader, BTC, 1)
    system.pass_time(config.slot_seconds)
    gas["deposit"] = system.core.transact(
        "deposit", trader, COLLATERAL, 10**6, sender=system.actor("crowd")
    ).gas_used
    order = system.order(trader, BTC, 1)
    gas["place"] = system.place(order).gas_used
    gas["execute, increase"] = system.execute(order).gas_used
    order = system.order(trader, BTC, -2, reduce_only=True)
    gas["place, reduce-only"] = system.place(order).gas_used
    gas["execute, close"] = system.execute(order).gas_used
    gas["withdraw"] = system.core.transact(
        "withdraw", trader, COLLATERAL, 10**9, owner, sender=owner
    ).gas_used
    gas["poke"] = system.core.transact("poke", BTC).gas_used
    system.trade(trader, BTC, 50)
    system.move(BTC, 57_500)
    gas["liquidate"] = system.liquidator.transact(
        "liquidate", [trader], [BTC], system.account(system.actor("keeper"))
    ).gas_used
    gas["request of shares"] = system.vault.transact(
        "request_redeem",
        system.account(system.actor("provider")),
        WAD,
        0,
        2**32 - 1,
        sender=system.actor("provider"),
    ).gas_used
    return gas


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--many", type=int, default=MANY)
    many = parser.parse_args().many
    before, after = measure(FEW), measure(many)
    print(f"| call | {FEW:,} accounts | {many:,} accounts |")
    print("|---|--:|--:|")
    grown = []
    for name, gas in before.items():
        print(f"| {name} | {gas:,} | {after[name]:,} |")
        if abs(after[name] - gas) > gas * TOLERANCE:
            grown.append(name)
    if grown:
        print(f"differs by more than 1 %: {', '.join(grown)}", file=sys.stderr)
    return bool(grown)


if __name__ == "__main__":
    sys.exit(main())
