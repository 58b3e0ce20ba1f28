from dataclasses import replace

import pytest

from tests.harness.relay import Relay
from tests.harness.reverts import reverts
from tests.harness.words import LIMITS, QUOTE, RISK, TRADE

DAY = 86_400


def test_lists_an_instrument(desk):
    assert desk.core.call("risk_word", 64) == RISK.pack()
    assert desk.core.call("trade_word", 64) == TRADE.pack()
    assert desk.core.call("limits_word", 64) == LIMITS.pack()


def test_changes_terms_later(desk):
    risk = replace(RISK, max_rate=50_000)
    desk.set_terms(risk=risk)
    assert desk.core.call("risk_word", 64) == risk.pack()


def test_refuses_what_is_out_of_bounds(bare_desk):
    bare_desk.add_asset()
    with reverts("OutOfBounds"):
        bare_desk.set_terms(risk=replace(RISK, half_life=0))


@pytest.mark.parametrize("instrument", [0, 63, 65_536])
def test_refuses_ids_without_underlying(desk, instrument):
    with reverts("OutOfBounds"):
        desk.set_terms(instrument)


def test_refuses_an_instrument_without_its_asset(bare_desk):
    with reverts("NotListed"):
        bare_desk.set_terms()


def test_instruments_of_one_underlying_share_their_shocks(desk):
    for name, value in (("initial_shock", 60_000), ("maintenance_shock", 31_000)):
        other = replace(RISK, **{name: value})
        with reverts("OutOfBounds"):
            desk.set_terms(65, risk=other)
        # Alone it may choose its own.
        desk.set_terms(risk=other)
        desk.set_terms()
    desk.set_terms(65)
    with reverts("OutOfBounds"):
        desk.set_terms(64, risk=replace(RISK, initial_shock=60_000))
    assert desk.core.call("risk_word", 65) == RISK.pack()


def test_never_asks_less_than_the_vault_quotes(desk):
    desk.quote(QUOTE)
    with reverts("OutOfBounds"):
        desk.set_terms(limits=replace(LIMITS, max_premium=9_999))
    with reverts("OutOfBounds"):
        desk.set_terms(limits=replace(LIMITS, max_half_spread=1_999))
    # The vault first, then the limit.
    desk.quote(QUOTE - 1)
    desk.set_terms(limits=replace(LIMITS, max_premium=9_999))


def test_depth_moves_freely_without_open_interest(desk):
    desk.set_terms(risk=replace(RISK, scale=3 * RISK.scale))
    desk.set_terms(risk=replace(RISK, scale=RISK.scale // 7))
    assert desk.configurator.call("rescaled", desk.core.address, 64) == 0


def test_depth_moves_in_bounded_daily_steps_under_open_interest(desk):
    open_some_interest(desk)
    # d * max premium / 2 <= 2 * taker fee: 4 * 500 / 10,000 is a fifth of the smaller depth
    largest = RISK.scale * 12 // 10
    with reverts("OutOfBounds"):
        desk.set_terms(risk=replace(RISK, scale=largest + 1))
    desk.set_terms(risk=replace(RISK, scale=largest))
    assert desk.configurator.call("rescaled", desk.core.address, 64) == desk.chain.time()
    with reverts("TooSoon"):
        desk.set_terms(risk=RISK)
    # Other terms are not held up.
    desk.set_terms(risk=replace(RISK, scale=largest, max_rate=50_000))
    desk.chain.advance(DAY - 1)
    with reverts("TooSoon"):
        desk.set_terms(risk=RISK)
    desk.chain.advance(1)
    with reverts("OutOfBounds"):
        desk.set_terms(risk=replace(RISK, scale=RISK.scale - 1))
    desk.set_terms(risk=RISK)


def test_answers_to_the_owner_only(bare_desk, attacker):
    bare_desk.add_asset()
    for sender in (attacker, bare_desk.guardian):
        with reverts("NotOwner"):
            bare_desk.set_terms(sender=sender)


def open_some_interest(desk) -> None:
    """Two accounts of a plain venue hold one unit against each other."""
    long, short = 1 << 96, 2 << 96
    venue = Relay(desk.chain)
    desk.do("set_venue", venue.address, 1)
    for account in (long, short):
        desk.token.transact("mint", desk.owner, 10**9)
        desk.token.transact("approve", desk.core.address, 10**9, sender=desk.owner)
        desk.core.transact("deposit", account, 0, 10**9, sender=desk.owner)
    fill = {
        "taker": long,
        "maker": short,
        "instrument": 64,
        "size": 10**19,
        "price": 100 * 10**18,
        "fee": 0,
        "slot": 0,
    }
    venue.transact(desk.core, "clear", [fill])
