"""A venue without scruples, at random: the laws hold and nobody is owed what nobody paid.

Whatever is cleared: positions sum to zero, cash to the tokens held, the pots are covered; no
account ends with more principal than it had, nor than its net; who ends below initial margin has
fallen there with the price or has less risk than before.
"""

import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.unit.core.clearing_house.conftest import BTC, BTC_2, ETH, RISK, TRADE, House
from tidegate.client.errors import ProtocolError
from tidegate.spec.rounding import WAD

RISKY = replace(RISK, max_velocity=300_000, max_rate=100_000, contingency=5_000, size_slope=10_000)
CROWDED = replace(TRADE, crowding=20_000, hard=3_000 * 10**6, soft=2_000 * 10**6)
MARKETS = (BTC, BTC_2, ETH)
STEPS = 400


class Attack:
    """Random calls; what was refused, by name."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.rng = house, random.Random(seed)
        self.people = [house.fund(f"actor {i}", 3_000 * WAD) for i in range(5)]
        self.prices = {1: 100 * WAD, 2: 100 * WAD}
        self.outcomes: Counter[str] = Counter()
        for instrument in MARKETS:
            house.list(instrument, RISKY, CROWDED)

    def fill(self) -> tuple:
        house, rng = self.house, self.rng
        taker = rng.choice(self.people)
        if rng.random() < 0.2:
            target = rng.choice([*self.people, house.escrow, house.pool(), house.insurance])
            source = rng.choice([taker, taker, house.escrow, house.pool()])
            return house.payment(source, target, rng.randint(0, 200 * WAD))
        instrument = rng.choice(MARKETS)
        mark = self.prices[instrument >> 6]
        size = rng.choice([-1, 1]) * rng.randint(WAD, 150 * WAD)
        held = house.size(taker, instrument)
        if held and rng.random() < 0.4:
            size = rng.choice([-held, -held // 2, -held * 3 // 2])
        price = mark * rng.choice([97, 99, 100, 100, 100, 101, 103]) // 100 + rng.randint(-1, 1)
        maker = rng.choice(self.people) if rng.random() < 0.3 else house.pool(instrument)
        fee = rng.choice([0, 0, abs(size) * price * 500 // 10**6 // WAD])
        return house.fill(taker, size, price, fee, instrument=instrument, maker=maker)

    def clear(self) -> None:
        house, rng = self.house, self.rng
        fills = [self.fill() for _ in range(rng.choice([1, 1, 1, 2, 3, 5]))]
        by = house.liquidator if rng.random() < 0.15 else house.venue
        before = {account: house.word(account) for account in self.people}
        health = {account: house.health(account) for account in self.people}
        try:
            house.clear(*fills, by=by)
        except ProtocolError as refusal:
            self.outcomes[refusal.name] += 1
            return
        self.outcomes["cleared"] += 1
        touched = {account for fill in fills for account in fill[:2]}
        for account in self.people:
            equity, initial, maintenance, _ = house.health(account)
            principal = house.principal(account)
            assert principal <= before[account].principal
            takes = any(fill[0] == account for fill in fills)
            makes = any(fill[1] == account and fill[2] for fill in fills)
            if takes or makes:
                assert principal <= max(0, equity)
                was, _, needed, _ = health[account]
                if takes and by == house.liquidator:
                    assert maintenance - equity < needed - was
                elif equity < initial:
                    assert maintenance < needed or (maintenance == needed and equity > was)
                    assert was <= 0 or equity >= 0
            elif account not in touched:
                assert house.word(account) == before[account]

    def move(self) -> None:
        house, rng = self.house, self.rng
        feed = rng.choice([1, 2])
        self.prices[feed] = self.prices[feed] * rng.randint(930, 1075) // 1000
        house.price(self.prices[feed], fresh=rng.random() < 0.9, feed=feed)

    def step(self) -> None:
        house, rng = self.house, self.rng
        draw = rng.random()
        if draw < 0.75:
            self.clear()
        elif draw < 0.85:
            self.move()
        elif draw < 0.9:
            house.chain.advance(rng.choice([1, 60, 3600, 86_400]))
        elif draw < 0.94:
            house.deposit(rng.choice(self.people), rng.randint(1, 500) * WAD, "0x" + "11" * 20)
        else:
            self.leave()

    def leave(self) -> None:
        house, rng = self.house, self.rng
        source = rng.choice(self.people)
        amount = rng.randint(1, 400) * WAD
        try:
            if rng.random() < 0.5:
                house.withdraw(source, amount)
            else:
                house.transfer(source, rng.choice(self.people), amount)
            assert house.health(source)[0] >= 0
        except ProtocolError as refusal:
            self.outcomes[refusal.name] += 1


@pytest.mark.parametrize("seed", range(6))
def test_the_laws_hold_whatever_is_cleared(house: House, seed: int):
    attack = Attack(house, seed)
    for step in range(STEPS):
        attack.step()
        if step % 20 == 0:
            house.laws()
            for instrument in MARKETS:
                assert house.pot_and_dues(instrument) >= 0
    assert attack.outcomes["cleared"] > 40
    assert attack.outcomes["InsufficientMargin"] > 20
    assert "Unknown" not in attack.outcomes
