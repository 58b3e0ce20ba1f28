from decimal import Decimal

import pytest

from tidegate.simulation.population import FEWEST, LEVERAGES, Kind, populate

MARKETS = ("BTC-PERP", "ETH-PERP")


@pytest.fixture(scope="module")
def crowd():
    return populate(7, 120, 300, MARKETS, Decimal(5_000_000))


def test_same_seed_same_people(crowd):
    assert crowd == populate(7, 120, 300, MARKETS, Decimal(5_000_000))
    assert crowd != populate(8, 120, 300, MARKETS, Decimal(5_000_000))


def test_a_third_is_cross_margined_over_both_markets(crowd):
    cross = [trader for trader in crowd.traders if trader.cross]
    assert len(crowd.traders) >= FEWEST
    assert len(cross) == 40
    for trader in cross:
        opened = {intent.market for intent in trader.intents if intent.kind is Kind.OPEN}
        assert opened == set(MARKETS)


def test_leverage_is_mixed_and_sides_are_both(crowd):
    assert {trader.leverage for trader in crowd.traders} == {level for level, _ in LEVERAGES}
    sides = [intent.leverage > 0 for intent in crowd.intents() if intent.kind is Kind.OPEN]
    assert 0.5 < sum(sides) / len(sides) < 0.8


def test_nobody_acts_before_it_opened(crowd):
    for trader in crowd.traders:
        first = min(intent.bar for intent in trader.intents if intent.kind is Kind.OPEN)
        assert all(intent.bar >= first for intent in trader.intents)
        assert all(0 < intent.bar < 299 and 0 <= intent.point < 4 for intent in trader.intents)


def test_sub_accounts_differ(crowd):
    assert len({trader.sub for trader in crowd.traders}) == len(crowd.traders)


def test_providers_give_what_was_asked(crowd):
    assert sum(provider.deposit for provider in crowd.providers) == Decimal(5_000_000)


def test_every_kind_of_act_occurs(crowd):
    assert {intent.kind for intent in crowd.intents()} == set(Kind)
