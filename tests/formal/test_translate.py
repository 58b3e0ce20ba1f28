"""The translation is of the code: at given numbers it has the value that the specification has,
which the differential tests compare with the bytecode. What it does not know it refuses."""

import pytest
import z3

from tests.formal.proof import Proof
from tests.formal.translate import Edit, UntranslatableError, load
from tidegate.spec import rounding
from tidegate.spec.quote import potential_numerator

NUMBERS = [(7, 5, 3), (-7, 5, 3), (-6, 5, 3), (0, 5, 3), (10**40, 10**20, 7), (-1, 1, 10**30)]


def value_of(p: Proof, term: z3.ExprRef) -> int:
    solver = z3.Solver()
    solver.add(*[formula for _, formula, _ in p.reading.log])
    assert solver.check() == z3.sat
    return solver.model().eval(term, model_completion=True).as_long()


@pytest.mark.parametrize(("a", "b", "d"), NUMBERS)
@pytest.mark.parametrize("function", ["_mul_div_up", "_mul_div_down"])
def test_a_quotient_of_a_product(function: str, a: int, b: int, d: int):
    p = Proof()
    arguments = [p.reading.literal(number, "int256") for number in (a, b, d)]
    divide = rounding.div_up if function.endswith("up") else rounding.div_down
    assert value_of(p, p.call(f"rounding.{function}", *arguments).term) == divide(a * b, d)


@pytest.mark.parametrize("skew", [0, 10**18, -(10**18), 26 * 10**18, -(10**21)])
def test_a_potential(skew: int):
    p = Proof()
    scale, premium = 5000 * 10**18, 5000
    arguments = [p.reading.literal(number, "int256") for number in (skew, scale, premium)]
    found = value_of(p, p.call("quote._potential_numerator", *arguments).term)
    assert found == potential_numerator(skew, scale, premium)


@pytest.mark.parametrize(("size", "change"), [(0, 5), (5, -5), (5, -8), (-3, 3), (-3, 10)])
def test_a_word_of_bits(size: int, change: int):
    p = Proof()
    p.bits()
    word = p.reading.literal(100 | 200 << 104 | 7 << 208, "uint256")
    moved = p.call(
        "market_words._moved",
        word,
        p.reading.literal(size, "int256"),
        p.reading.literal(change, "int256"),
    )
    long = 100 + max(size + change, 0) - max(size, 0)
    short = 200 + max(-size - change, 0) - max(-size, 0)
    assert value_of(p, moved.term) == long | short << 104 | 7 << 208


def test_a_product_that_may_wrap_is_an_obligation():
    p = Proof()
    a, b, d = p.var("a"), p.var("b"), p.var("d", 1)
    p.call("rounding._mul_div_up", a, b, d)
    assert ("prove", "product in int256") in [(kind, what) for kind, _, what in p.reading.log]


def test_a_bug_that_is_not_in_the_source_is_no_bug():
    with pytest.raises(UntranslatableError, match="_abs has 0 of"):
        load("rounding", Edit("rounding", "_abs", "no such text", ""))


def test_a_loop_is_refused():
    p = Proof()
    one = p.reading.literal(1, "uint256")
    with pytest.raises(UntranslatableError, match="For at CircuitBreaker"):
        p.call("CircuitBreaker._reached", one, one, one)
