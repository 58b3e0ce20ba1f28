"""A meter that fails says nothing; it stops no poke and hides no other meter."""

import pytest

from tests.harness.breaker import (
    BURNS,
    INSTRUMENT,
    PRICE,
    REVERTS,
    SETTINGS,
    Bench,
    selector,
)
from tests.harness.reverts import reverts
from tidegate.artifacts import artifact, from_source

METERS = {
    "oracle": ("latest_word(uint256)", 32, 1),
    "liquidator": ("liquidated(uint256)", 32, 2),
    "fund": ("drawn()", 64, 4),
}


def spoil(bench: Bench, meter: str, how: str) -> None:
    contract = getattr(bench, meter)
    signature, length, _ = METERS[meter]
    said = {
        "nothing": b"",
        "a byte less": b"\0" * (length - 1),
        "a byte more": b"\0" * (length + 1),
        "a bomb": b"\xff" * 4096,
    }
    if how in said:
        contract.transact("set_answer", selector(signature), said[how])
    else:
        contract.transact("set_mode", {"reverts": REVERTS, "burns its gas": BURNS}[how])


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize(
    "how", ["nothing", "a byte less", "a byte more", "a bomb", "reverts", "burns its gas"]
)
def test_the_others_are_read_and_the_market_stays_poked(bench: Bench, meter: str, how: str):
    bench.poke()
    if meter == "fund":
        bench.show(price=PRICE * 95 // 100)
    else:
        bench.show(drawn=(25, 100))
    spoil(bench, meter, how)
    silent = bench.breaker.call("readings", INSTRUMENT)[4]
    assert silent == METERS[meter][2]
    receipt = bench.breaker.transact("poke", INSTRUMENT, gas=400_000)
    assert receipt.returned == bench.level == 2


@pytest.mark.parametrize(
    ("meter", "words"),
    [
        ("liquidator", (2**128,)),
        ("liquidator", (2**256 - 1,)),
        ("fund", (2**128, 2**128)),
        ("fund", (1, 2**256 - 1)),
        ("fund", (2**256 - 1, 1)),
        ("fund", (1, 0)),
    ],
)
def test_an_amount_without_meaning_is_silence(bench: Bench, meter: str, words: tuple[int, ...]):
    bench.poke()
    signature, _, bit = METERS[meter]
    bench.answer(getattr(bench, meter), signature, *words)
    assert bench.breaker.call("readings", INSTRUMENT) == (0, 0, 0, 0, bit)
    assert bench.breaker.transact("poke", INSTRUMENT).returned == 0


def test_a_counter_that_falls_back_has_not_moved(bench: Bench):
    bench.show(liquidated=10**30)
    bench.poke()
    bench.show(liquidated=0)
    assert bench.readings().liquidated == 0


def test_what_was_liquidated_before_a_silence_is_not_read_after_it(bench: Bench):
    """Nothing was counted in the sample, so there is nothing to compare with."""
    bench.show(liquidated=None)
    bench.poke()
    bench.show(liquidated=10**30)
    assert bench.readings().liquidated == 0
    assert bench.poke() == 0


def test_a_price_after_a_silence_is_not_compared(bench: Bench):
    bench.show(price=None)
    bench.poke()
    bench.show(price=PRICE)
    assert bench.readings().price == 0
    assert bench.poke() == 0


def test_a_silent_meter_lets_its_level_fall(bench: Bench):
    bench.reach(2)
    bench.show(price=None)
    bench.pass_time(SETTINGS.hold(2))
    bench.show(price=None)
    assert bench.poke() == 1


STARVER = """
# pragma version ==0.4.3
# pragma evm-version cancun
@external
def poke_with(gas_: uint256, breaker: address, data: Bytes[36]) -> Bytes[4]:
    ok: bool = False
    said: Bytes[4] = b""
    ok, said = raw_call(breaker, data, gas=gas_, max_outsize=4, revert_on_failure=False)
    return b"done" if ok else said
"""


def test_nobody_silences_a_meter_by_giving_little_gas(bench: Bench):
    """Whatever the gas, a poke that ends has seen the price fall."""
    bench.poke()
    bench.show(price=PRICE * 95 // 100)
    starver = bench.chain.deploy(from_source(STARVER, "Starver"))
    data = bench.breaker.encode("poke", INSTRUMENT)
    refused, done = 0, 0
    for gas in range(20_000, 200_000, 1_500):
        before = bench.chain.snapshot()
        said = starver.transact("poke_with", gas, bench.breaker.address, data).returned
        refused += said == bytes.fromhex(f"{2_011_950_925:08x}")
        if said == b"done":
            done += 1
            assert bench.level == 2
        bench.chain.restore(before)
    assert min(refused, done) > 0


def test_a_core_that_does_not_know_the_breaker_refuses_its_poke(bench: Bench):
    """The one thing a poke may fail by: it could set nothing."""
    stranger = from_source(NOT_A_VENUE, "Stranger")
    core = bench.chain.deploy(stranger, bench.core.call("risk_word", INSTRUMENT))
    parties = list(bench.parties)
    parties[2] = core.address
    breaker = bench.chain.deploy(artifact("CircuitBreaker"), *parties)
    breaker.transact("set_settings", INSTRUMENT, SETTINGS.pack(), sender=bench.owner)
    assert breaker.transact("poke", INSTRUMENT).returned == 0
    bench.show(drawn=(90, 100))
    with reverts("NotVenue"):
        breaker.transact("poke", INSTRUMENT)


NOT_A_VENUE = """
# pragma version ==0.4.3
# pragma evm-version cancun
risk_word: public(HashMap[uint256, uint256])
interest_word: public(HashMap[uint256, uint256])
@deploy
def __init__(risk: uint256):
    self.risk_word[64] = risk
@external
def set_brake(instrument: uint256, level: uint256):
    raw_revert(slice(convert(657_098_143 << 224, bytes32), 0, 4))
"""
