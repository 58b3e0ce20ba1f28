"""Outside prices in our decimals: bytecode, specification and exact rationals say the same."""

import random
from fractions import Fraction

import pytest

from tidegate.artifacts import artifact
from tidegate.chain import Contract
from tidegate.client.errors import ProtocolError
from tidegate.revm_chain import RevmChain
from tidegate.spec.oracle import MAX_PRICE, price_of

WAD = 10**18
INT64 = 2**63 - 1
CASES = 200


@pytest.fixture(scope="module")
def mock() -> Contract:
    return RevmChain().deploy(artifact("PriceScaleMock"))


def outcome(action, *args):
    try:
        return action(*args)
    except ProtocolError as error:
        return error.name


@pytest.mark.parametrize("exponent", range(-18, 19))
def test_every_exponent_is_exact(mock: Contract, exponent: int):
    """Within one unit of the last decimal is asked; nothing is lost at all."""
    rng = random.Random(exponent)
    largest = MAX_PRICE // 10 ** (18 + exponent)
    corners = {1, 2, 10, largest - 1, largest, min(INT64, largest)} - {0, -1}
    mantissas = corners | {rng.randint(1, max(1, largest)) for _ in range(CASES)}
    taken = 0
    for mantissa in mantissas:
        expected = outcome(price_of, mantissa, exponent)
        assert outcome(mock.call, "price_of", mantissa, exponent) == expected
        if not isinstance(expected, str):
            taken += 1
            assert Fraction(expected, WAD) == mantissa * Fraction(10) ** exponent
    assert taken > CASES // 2 or largest < CASES


def test_a_larger_mantissa_is_a_larger_price(mock: Contract):
    for exponent in (-18, -8, 0):
        prices = [mock.call("price_of", mantissa, exponent) for mantissa in (1, 2, 999, 10**9)]
        assert prices == sorted(set(prices))


@pytest.mark.parametrize("exponent", [-(2**255), -(2**31), -19, 19, 2**31 - 1, 2**255 - 1])
def test_refuses_other_exponents(mock: Contract, exponent: int):
    assert outcome(price_of, 1, exponent) == "FeedFailed"
    assert outcome(mock.call, "price_of", 1, exponent) == "FeedFailed"


@pytest.mark.parametrize("exponent", [-18, -8, 0, 18])
@pytest.mark.parametrize("mantissa", [-(2**255), -INT64 - 1, -1, 0, MAX_PRICE + 1, 2**255 - 1])
def test_refuses_what_is_no_price(mock: Contract, mantissa: int, exponent: int):
    assert outcome(price_of, mantissa, exponent) == "BadPrice"
    assert outcome(mock.call, "price_of", mantissa, exponent) == "BadPrice"


@pytest.mark.parametrize("exponent", range(-18, 10))
def test_refuses_one_beyond_the_largest_price(mock: Contract, exponent: int):
    largest = MAX_PRICE // 10 ** (18 + exponent)
    assert mock.call("price_of", largest, exponent) == largest * 10 ** (18 + exponent)
    assert outcome(mock.call, "price_of", largest + 1, exponent) == "BadPrice"
