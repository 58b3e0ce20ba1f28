"""Pushing a market into a level of the breaker: what does not work, and what the rest costs.

The whole exchange as deployed; the breaker keeps its level in a mirror of the clearing house, and
the contracts behind two meters answer what the test has made happen.
"""

from dataclasses import dataclass

import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector as selector

from tests.harness.breaker import SETTINGS
from tests.harness.reverts import reverts
from tests.harness.system import BTC, System, wad
from tidegate.artifacts import artifact, from_source
from tidegate.chain import Contract
from tidegate.spec.rounding import PPM, WAD
from tidegate.spec.words import Interest, Risk

MIRROR = """
# pragma version ==0.4.3
# pragma evm-version cancun
interface Core:
    def risk_word(instrument: uint256) -> uint256: view
    def interest_word(instrument: uint256) -> uint256: view
CORE: immutable(address)
levels: HashMap[uint256, uint256]
@deploy
def __init__(core: address):
    CORE = core
@view
@external
def risk_word(instrument: uint256) -> uint256:
    return staticcall Core(CORE).risk_word(instrument) | (self.levels[instrument] << 248)
@view
@external
def interest_word(instrument: uint256) -> uint256:
    return staticcall Core(CORE).interest_word(instrument)
@external
def set_brake(instrument: uint256, level: uint256):
    self.levels[instrument] = level
"""
FEE = 500  # ppm, BTC-PERP's taker fee
HALF_SPREAD = 300
MOST = 50  # BTC an order


@dataclass
class Watch:
    """The breaker of a whole exchange."""

    system: System
    breaker: Contract
    liquidator: Contract

    def poke(self) -> int:
        return self.breaker.transact("poke", BTC).returned

    def readings(self) -> tuple[int, ...]:
        return self.breaker.call("readings", BTC)

    def liquidated(self, notional: int) -> None:
        said = encode(["uint256"], [notional])
        self.liquidator.transact("set_answer", selector("liquidated(uint256)"), said)

    def trade(self, account: int, size: int) -> None:
        """In orders whose stake one payment can pull."""
        sign = 1 if size > 0 else -1
        for at in range(0, abs(size), MOST):
            self.system.trade(account, BTC, sign * min(MOST, abs(size) - at))

    @property
    def skew(self) -> int:
        return Interest.unpack(self.system.core.call("interest_word", BTC)).skew


@pytest.fixture
def watch(funded: System) -> Watch:
    deploy, deployment = funded.chain.deploy, funded.deployment
    mirror = deploy(from_source(MIRROR, "Mirror"), funded.core.address)
    liquidator, fund = deploy(artifact("MeterMock")), deploy(artifact("MeterMock"))
    owner = funded.actor("owner")
    breaker = deploy(
        artifact("CircuitBreaker"),
        owner,
        deployment.configurator.address,
        mirror.address,
        funded.oracle.address,
        liquidator.address,
        fund.address,
    )
    breaker.transact("set_settings", BTC, SETTINGS.pack(), sender=owner)
    watch = Watch(funded, breaker, liquidator)
    watch.liquidated(0)
    assert watch.poke() == 0
    return watch


def test_matched_interest_moves_no_meter(watch: Watch, attacker: str, counterparty: str):
    """200 BTC long and 200 short of one hand: four tenths of the hard cap, and no skew."""
    system = watch.system
    long, short = system.fund(attacker, 2_000_000), system.fund(counterparty, 2_000_000)
    for _ in range(20):
        system.trade(long, BTC, 10)
        system.trade(short, BTC, -10)
        assert watch.poke() == 0
    assert watch.skew == 0
    assert watch.readings()[1] == 0


def test_nothing_is_opened_and_closed_in_one_transaction(watch: Watch, attacker: str):
    """A flash would need it: an order placed moves no skew, and fills in a later slot only."""
    system = watch.system
    account = system.fund(attacker, 2_000_000)
    order = system.order(account, BTC, MOST)
    system.place(order)
    assert watch.skew == 0
    with reverts("TooSoon"):
        system.exchange.transact("execute", order, account, sender=attacker)
    assert watch.skew == 0
    assert watch.poke() == 0


@pytest.mark.parametrize(("size", "level"), [(75, 1), (150, 2)])
def test_a_skew_of_ones_own_costs_fees_and_half_spreads(
    watch: Watch, attacker: str, size: int, level: int
):
    system = watch.system
    account = system.fund(attacker, 2_000_000)
    before = system.cash(account)
    watch.trade(account, size - 1)
    assert watch.poke() == level - 1
    watch.trade(account, 1)
    assert watch.poke() == level
    watch.trade(account, -size)
    assert watch.skew == 0
    notional = size * wad(60_000)
    least = 2 * notional * (FEE + HALF_SPREAD) // PPM
    cost = before - system.cash(account)
    # keepers of four orders and the spread's own premium come on top
    assert least <= cost <= least * 104 // 100


def test_the_level_so_bought_ends_by_itself(watch: Watch, attacker: str):
    system = watch.system
    account = system.fund(attacker, 2_000_000)
    watch.trade(account, 150)
    assert watch.poke() == 2
    watch.trade(account, -150)
    steps = []
    start = system.now
    while watch.poke():
        steps.append(system.now - start)
        system.pass_time(20)
    assert steps[-1] <= SETTINGS.hold(2) + SETTINGS.hold(1) + 40


def test_liquidations_of_ones_own_halt_nothing_and_cost_their_penalty(watch: Watch):
    """However much of it: auctions go on, for they move no premium."""
    risk = Risk.unpack(watch.system.core.call("risk_word", BTC))
    depth = risk.skew_scale * wad(60_000) // WAD
    watch.liquidated(depth * 2 // 100)
    assert watch.poke() == 3
    watch.liquidated(depth * 100)
    assert watch.poke() == 3
    penalty = 7_500 + FEE + HALF_SPREAD
    assert depth * 2 // 100 * penalty // PPM == wad(49_800)
