"""What can still be earned by ordering, delay and latency, measured on the deployed bytecode.

python -m tests.stateful.wealth.edges prints the tables of docs/wealth.md. The default deployment,
20 million in the vault, BTC at 60,000; keeper fees come back, as the attacker's keeper does it all.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from tests.harness.system import BTC, FOREVER, System
from tests.stateful.wealth.truth import CALM, CRASH, JUMPS, TREND, Truth
from tidegate.client.orders import PLACES, OrderWord
from tidegate.deployment import DeploymentConfig, deploy
from tidegate.revm_chain import RevmChain
from tidegate.spec.rounding import WAD

VAULT = 20_000_000
PRICE = 60_000
LARGEST = 50  # BTC an order, by the escrow cap
Table = list[tuple[str, ...]]


class Bench:
    """A deployment and the attacker's purse on it."""

    def __init__(self) -> None:
        config = DeploymentConfig(bucket="1")  # slices alone, as nobody bids here
        self.system = System(deploy(RevmChain(), config), config)
        self.system.provide(self.system.actor("provider"), VAULT)
        self.owner = self.system.actor("attacker")
        self.keeper = self.system.account(self.owner, 9)

    @contextmanager
    def fresh(self) -> Iterator[System]:
        """The same moment again."""
        system, chain = self.system, self.system.chain
        checkpoint, prices = chain.snapshot(), dict(system.prices)
        system.nonces.clear()
        for signer in system.signers.quorum:
            signer.signed.clear()
        yield system
        chain.restore(checkpoint)
        system.prices = prices

    def send(self, fn: str, *args: object):
        return self.system.exchange.transact(fn, *args, sender=self.owner)

    def execute(self, order) -> None:
        self.send("execute", order, self.keeper)

    def close(self, account: int) -> None:
        """At the next slot's price, unchanged."""
        size = self.system.size(account, BTC)
        if size:
            order = self.system.order(account, BTC, Decimal(-size) / WAD, reduce_only=True)
            self.send("place", order)
            self.system.next_slot()
            self.system.refresh()
            self.execute(order)

    def there_and_back(self, account: int, size: int) -> tuple[list, list]:
        """Orders of so many BTC, as large as the escrow cap lets one be, and their ends."""
        parts = [min(LARGEST, abs(size) - at) for at in range(0, abs(size), LARGEST)]
        side, system = (1 if size > 0 else -1), self.system
        there = [system.order(account, BTC, side * part) for part in parts]
        back = [system.order(account, BTC, -side * part, reduce_only=True) for part in parts]
        return there, back

    def cash(self, *accounts: int) -> int:
        return sum(self.owned(account) for account in (*accounts, self.keeper))

    def owned(self, account: int) -> int:
        """Cash, and what lies at stake for the next orders."""
        return self.system.cash(account) + self.staked(account)

    def staked(self, account: int) -> int:
        places = range(min(PLACES, self.system.nonces.get(account, 0)))
        found = [self.system.exchange.call("order_word", account, place) for place in places]
        return sum(OrderWord.of(word).stake for word in found)

    def publish(self, price: int) -> None:
        """In the open slot; in force from the next second on."""
        self.system.prices[1] = price
        self.system.refresh()


def tokens(amount: int) -> str:
    return f"{amount / WAD:+,.0f}"


def bp(amount: int, notional: int) -> str:
    return f"{amount / notional * 10_000:+.2f}"


def around_an_order(bench: Bench, victim: int, ours: int) -> tuple[int, int]:
    """Ours, a victim's buy of so many BTC, and back, at one slot's price: our gain, its cost."""
    with bench.fresh() as system:
        honest = system.fund(system.actor("honest"), 50_000_000)
        account = system.fund(bench.owner, 50_000_000)
        then = system.order(honest, BTC, victim)
        first, last = bench.there_and_back(account, ours)
        start = bench.cash(account)
        system.place(then)
        for order in (*first, *last):
            bench.send("place", order)
        system.next_slot()
        system.refresh()
        for order in (*first, then, *last):
            bench.execute(order)
        paid = -bench.owned(honest) - victim * PRICE * WAD
        return bench.cash(account) - start, paid


def sandwiches(bench: Bench) -> Table:
    rows: Table = [("victim buys, BTC", "best own size", "gain", "bp of its notional")]
    for victim in (1, 5, 8, 10, 25, 50):
        gains = {ours: around_an_order(bench, victim, ours)[0] for ours in (1, 10, 50, 100, 190)}
        best = max(gains, key=lambda ours: gains[ours])
        gain = gains[best]
        rows.append((str(victim), str(best), tokens(gain), bp(gain, victim * PRICE * WAD)))
    return rows


def around_a_slice(bench: Bench, victim: int, ours: int) -> int:
    """Sell, liquidate a long of so many BTC, buy back, at one price."""
    with bench.fresh() as system:
        honest = system.actor("honest")
        weak = system.fund(honest, victim * PRICE * 7 // 100)
        for _ in range(0, victim, LARGEST):
            system.trade(weak, BTC, min(victim, LARGEST))
        account = system.fund(bench.owner, 50_000_000)
        system.move(BTC, PRICE * 955 // 1000)
        start = bench.cash(account)
        first, last = bench.there_and_back(account, -ours)
        for order in (*first, *last):
            bench.send("place", order)
        system.next_slot()
        system.refresh()
        for order in first:
            bench.execute(order)
        slicer = system.liquidator
        slicer.transact("liquidate", [weak], [BTC], bench.keeper, sender=bench.owner)
        for order in last:
            bench.execute(order)
        return bench.cash(account) - start


def slices(bench: Bench) -> Table:
    rows: Table = [("liquidated long, BTC", "own size", "gain with reward", "reward alone")]
    for victim in (5, 25, 50):
        plain = around_a_slice(bench, victim, 0)
        gains = {ours: around_a_slice(bench, victim, ours) for ours in (1, 25, 100)}
        best = max(gains, key=lambda ours: gains[ours])
        rows.append((str(victim), str(best), tokens(gains[best]), tokens(plain)))
    return rows


def redeemed(bench: Bench, skew: int, ppm: int, newer: bool) -> int:
    """A quarter of the vault leaves at the first price after the close, or at the newest."""
    with bench.fresh() as system:
        owner = bench.owner
        system.provide(owner, VAULT // 3)
        account, vault = system.account(owner), system.vault
        honest = system.fund(system.actor("honest"), 50_000_000)
        for _ in range(0, skew, LARGEST):
            system.trade(honest, BTC, LARGEST)
        shares = vault.call("balanceOf", owner)
        vault.transact("request_redeem", account, shares, 0, FOREVER, sender=owner)
        epoch = system.now // system.config.epoch_seconds
        system.chain.set_time((epoch + 1) * system.config.epoch_seconds)
        system.refresh()
        if newer:
            system.next_slot()
            bench.publish(PRICE * WAD * (10**6 + ppm) // 10**6)
        vault.transact("process_epoch", epoch)
        return vault.call("claimable", account)[1]


def exits(bench: Bench) -> Table:
    rows: Table = [("traders net long, BTC", "move since the close", "gain", "bp of the shares")]
    for skew in (50, 200):
        for ppm in (1_000, 5_000, 10_000):
            held = redeemed(bench, skew, ppm, newer=False)
            gain = held - redeemed(bench, skew, ppm, newer=True)
            rows.append((str(skew), f"{ppm / 10_000} %", tokens(gain), bp(gain, held)))
    return rows


def walked(bench: Bench, slots: int, step: int) -> int:
    """Long and short 50 BTC as high as margin lets; so many slots of steps; then slices, exit."""
    with bench.fresh() as system:
        pair = [system.fund(bench.owner, 50 * PRICE * 8 // 100, sub) for sub in (1, 2)]
        start = sum(bench.owned(account) for account in pair)
        core = system.core
        for account, size in zip(pair, (50, -50), strict=True):
            order = system.order(account, BTC, size)
            bench.send("place", order)
            system.next_slot()
            system.refresh()
            bench.execute(order)
        out = 0
        for account in pair:
            equity, initial, _, _ = system.health(account)
            free = (equity - initial) // 10**12 - 1
            core.transact("withdraw", account, 0, free, bench.owner, sender=bench.owner)
            out += free * 10**12
        for _ in range(slots):
            system.next_slot()
            bench.publish(system.prices[1] * (10**6 - step) // 10**6)
        keeper = system.account(system.actor("keeper"))
        while system.size(pair[0], BTC):
            args = ([pair[0]], [BTC], keeper)
            if system.health(pair[0])[0] >= system.health(pair[0])[2]:
                bench.close(pair[0])
            else:
                system.liquidator.transact("liquidate", *args)
        bench.close(pair[1])
        left = sum(max(0, system.cash(account)) + bench.staked(account) for account in pair)
        return out + left + system.cash(bench.keeper) - start


def pairs(bench: Bench) -> Table:
    rows: Table = [("fall before anybody slices", "gain of the pair", "bp of one side")]
    for slots, step in ((1, 20_000), (1, 45_000), (2, 30_000), (2, 45_000), (3, 45_000)):
        gain = walked(bench, slots, step)
        fall = 1 - (1 - step / 1e6) ** slots
        rows.append((f"{fall:.1%} in {slots} slot(s)", tokens(gain), bp(gain, 50 * PRICE * WAD)))
    return rows


def late_rounds(
    bench: Bench, kind: str, seed: int, threshold: int, rounds: int, paired: bool = True
) -> tuple[int, int]:
    """A pair of 10 BTC each round. The side that the open slot already favours by more than the
    threshold, ppm, fills in that second; the other lapses. If no second does, both are cancelled.

    Not paired: one side, by turns, which fills in the last second if in no better one. What comes
    out is the attacker's cash, and how many rounds found their second.
    """
    with bench.fresh() as system:
        slot_seconds, window = system.config.slot_seconds, system.config.window
        pair = [system.fund(bench.owner, 5_000_000, sub) for sub in (1, 2)]
        start, filled = bench.cash(*pair), 0
        truth = Truth(kind, f"late {seed}", system.now, slot_seconds)
        for number in range(rounds):
            system.prices[1] = truth.at(1, system.now - system.now % slot_seconds)
            orders = [system.order(a, BTC, size) for a, size in zip(pair, (10, -10), strict=True)]
            if not paired:
                orders = orders[number % 2 :][:1]
            for order in orders:
                bench.send("place", order)
            opened = (system.now // slot_seconds + 1) * slot_seconds
            taken = None
            for now in range(opened, opened + window + 1):
                system.chain.set_time(now)
                if now % slot_seconds == 0:
                    system.prices[1] = truth.at(1, now)
                    for feed, price in system.prices.items():
                        system.signers.push(feed, price, now)
                move = (truth.at(1, now) - system.prices[1]) * 10**6 // system.prices[1]
                last = not paired and now == opened + window
                favoured = [o for o in orders if (o.size > 0) == (move > 0)]
                if (abs(move) > threshold and favoured) or last:
                    taken = orders[0] if last else favoured[0]
                    bench.execute(taken)
                    filled += not last
                    break
            for order in orders:
                if order is not taken:
                    bench.send("cancel", order)
            for account in pair:
                size = system.size(account, BTC)
                if size:
                    back = system.order(account, BTC, Decimal(-size) / WAD, reduce_only=True)
                    bench.send("place", back)
                    system.next_slot()
                    bench.publish(truth.at(1, system.now))
                    bench.execute(back)
            system.chain.advance(random.Random(system.now).randint(1, 20))
            if system.now % slot_seconds == 0:
                system.chain.advance(1)
            slot = system.now - system.now % slot_seconds
            system.signers.push(1, truth.at(1, slot), slot)
            system.signers.push(2, system.prices[2], slot)
            system.chain.advance(1)
        return bench.cash(*pair) - start, filled


def delays(bench: Bench, rounds: int = 40) -> Table:
    head = (
        "path",
        "strikes at",
        "rounds",
        "pair: struck",
        "bp a round",
        "one: struck",
        "bp a round",
    )
    rows: Table = [head]
    for kind in (CALM, JUMPS, TREND, CRASH):
        for threshold in (1_000, 3_000):
            row = [kind, f"{threshold / 10_000} %", str(3 * rounds)]
            for paired in (True, False):
                results = [
                    late_rounds(bench, kind, seed, threshold, rounds, paired) for seed in range(3)
                ]
                gain, filled = (sum(column) for column in zip(*results, strict=True))
                row += [str(filled), bp(gain // (3 * rounds), 10 * PRICE * WAD)]
            rows.append(tuple(row))
    return rows


TABLES = {
    "Order inside a slot: around an honest order": sandwiches,
    "Order inside a slot: around a liquidation": slices,
    "Shares around a known move": exits,
    "A pair that leaves its loser behind": pairs,
    "Delay inside the window": delays,
}


def markdown(table: Table) -> str:
    head, *rows = table
    lines = [head, tuple("--:" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    bench = Bench()
    for title, measure in TABLES.items():
        print(f"\n### {title}\n\n{markdown(measure(bench))}", flush=True)


if __name__ == "__main__":
    main()
