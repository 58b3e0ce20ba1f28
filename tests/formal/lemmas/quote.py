"""contracts/libraries/quote.vy: the premium is the slope of a potential of the skew."""

from typing import Any

import z3

from tests.formal.proof import Proof, lemma
from tests.formal.translate import Edit, Value

WAD = 10**18
PPM = 10**6
SKEW = 2**104
DENOMINATOR = 2 * PPM * PPM


def _market(p: Proof) -> tuple[Value, Value]:
    scale = p.var("scale", 10**12, 2**64 * 10**12, like=5000 * WAD)
    premium = p.var("premium", 0, 2**20 - 1, like=5000)
    return scale, premium


def _phi(p: Proof, skew: Value, scale: Value, premium: Value) -> Any:
    return p.call("quote._potential_numerator", skew, scale, premium).term


def _skew(p: Proof, name: str, like: int) -> Value:
    return p.var(name, -2 * SKEW, 2 * SKEW, like=like * WAD)


@lemma(
    "libraries/quote.vy: _potential_numerator",
    Edit("quote", "_potential_numerator", "depth <= knee", "depth >= knee"),
)
def the_potential_is_the_same_for_both_signs(p: Proof) -> None:
    """Phi(-s) = Phi(s) >= 0, Phi(0) = 0, at most p |s|; no product wraps."""
    scale, premium = _market(p)
    s, minus = _skew(p, "s", 30), _skew(p, "minus", -30)
    p.assume(minus.term == -s.term)
    phi, mirrored = _phi(p, s, scale, premium), _phi(p, minus, scale, premium)
    size = z3.If(s.term < 0, -s.term, s.term) * PPM
    p.reals()
    p.show(
        phi == mirrored,
        phi >= 0,
        z3.Implies(s.term == 0, phi == 0),
        phi <= 2 * size * scale.term * premium.term,
    )


@lemma(
    "libraries/quote.vy: _potential_numerator",
    Edit("quote", "_potential_numerator", "unsafe_mul(2, depth)", "unsafe_mul(3, depth)"),
    bug_at={"s": 100 * WAD, "t": 101 * WAD, "scale": 5000 * WAD, "premium": 5000},
)
def the_premium_saturates(p: Proof) -> None:
    """|Phi(s + x) - Phi(s)| <= p |x|: no fill pays or receives more than the largest premium."""
    p.reals()
    scale, premium = _market(p)
    s, t = _skew(p, "s", 30), _skew(p, "t", 40)
    difference = _phi(p, t, scale, premium) - _phi(p, s, scale, premium)
    step = z3.If(t.term > s.term, t.term - s.term, s.term - t.term)
    knee = scale.term * premium.term
    p.show(
        difference <= DENOMINATOR // PPM * step * knee,
        difference >= -DENOMINATOR // PPM * step * knee,
    )


@lemma(
    "libraries/quote.vy: _potential_numerator",
    Edit("quote", "_potential_numerator", "unsafe_sub(unsafe_mul(2, depth), knee)", "knee"),
)
def a_part_is_never_dearer_than_the_whole(p: Proof) -> None:
    """Phi is convex: (Phi(s + n) - Phi(s)) N <= (Phi(s + N) - Phi(s)) n for 0 < n <= N. What
    slices.vy takes of a leg costs no more a unit than the leg."""
    p.reals()
    scale, premium = _market(p)
    s, part, whole = _skew(p, "s", 30), _skew(p, "part", 31), _skew(p, "whole", 40)
    p.assume(s.term < part.term, part.term <= whole.term)
    start = _phi(p, s, scale, premium)
    first = _phi(p, part, scale, premium) - start
    both = _phi(p, whole, scale, premium) - start
    p.show(first * (whole.term - s.term) <= both * (part.term - s.term))


def _units(p: Proof, start: Value, end: Value, scale: Value, premium: Value) -> Any:
    """What `_price` rounds first: units of premium between two skews."""
    taken: list[Value] = []
    inner = p._divider(True, False)

    def spy(*arguments: Value) -> Value:
        taken.append(inner(*arguments))
        return taken[-1]

    p.exact_division()
    p.stand_in("rounding._div_up", spy)
    size = p.reading.arithmetic("Sub", end, start, False)
    mark, spread = p.var("mark", 1, 2**90, like=60_000 * WAD), p.var("h", 0, 2**20 - 1, like=300)
    p.call("quote._price", size, start, mark, scale, premium, spread)
    return taken[0].term


@lemma(
    "libraries/quote.vy: _price",
    Edit("quote", "_price", "unsafe_add(skew, size), scale", "size, scale"),
    bug_at={"a": 30 * WAD, "b": 31 * WAD, "c": 32 * WAD, "scale": 5000 * WAD, "premium": 5000},
)
def splitting_a_fill_changes_nothing(p: Proof) -> None:
    """The units of premium from a to b and from b to c are those from a to c, or one 1e-18 more by
    rounding: never less."""
    scale, premium = _market(p)
    a = p.var("a", -SKEW // 4, SKEW // 4, like=30 * WAD)
    b = p.var("b", -SKEW // 4, SKEW // 4, like=31 * WAD)
    c = p.var("c", -SKEW // 4, SKEW // 4, like=32 * WAD)
    p.assume(a.term != b.term, b.term != c.term, a.term != c.term)
    phi = {}

    def potential(skew: Value, _scale: Value, _premium: Value) -> Value:
        # only that it is one function of the skew is used
        name = f"phi{len(phi)}"
        value = p.var(name, -(2**230), 2**230)
        for other, known in phi.values():
            p.reading.fact(z3.Implies(other.term == skew.term, known.term == value.term))
        phi[name] = (skew, value)
        return value

    p.stand_in("quote._potential_numerator", potential)
    first = _units(p, a, b, scale, premium)
    second = _units(p, b, c, scale, premium)
    whole = _units(p, a, c, scale, premium)
    d = scale.term * DENOMINATOR
    p.show(
        (first + second - whole) * d > -d,
        (first + second - whole) * d < 2 * d,
        first + second >= whole,
        first + second <= whole + 1,
    )


def _two_prices(p: Proof) -> dict[str, Any]:
    """A fill from skew s to t, and one from t back to s."""
    p.exact_division()
    scale, premium = _market(p)
    v: dict[str, Any] = {
        "s": p.var("s", -SKEW // 4, SKEW // 4, like=30 * WAD),
        "n": p.var("n", 1, SKEW // 4, like=WAD),
        "mark": p.var("mark", 1, 2**90, like=60_000 * WAD),
        "h": p.var("h", 0, 2**20 - 1, like=300),
    }
    low, high = p.var("phi_s", 0, 2**230, like=0), p.var("phi_t", 0, 2**230, like=10**60)
    calls: list[int] = []

    def potential(_skew: Value, _scale: Value, _premium: Value) -> Value:
        calls.append(1)
        # _price asks for the potential after the fill, then before
        return {1: high, 2: low, 3: low, 4: high}[len(calls)]

    p.stand_in("quote._potential_numerator", potential)
    v["in"] = p.call("quote._price", v["n"], v["s"], v["mark"], scale, premium, v["h"]).term
    minus = p.reading.arithmetic("Sub", p.reading.literal(0, "int256"), v["n"], False)
    there = p.reading.arithmetic("Add", v["s"], v["n"], False)
    v["out"] = p.call("quote._price", minus, there, v["mark"], scale, premium, v["h"]).term
    return v


@lemma(
    "libraries/quote.vy: _price",
    Edit(
        "quote", "_price", "return unsafe_sub(mark, per_unit)", "return unsafe_add(mark, per_unit)"
    ),
    "all values in the widths; the potential is any function of the skew",
)
def a_round_trip_at_one_mark_earns_nothing(p: Proof) -> None:
    """In at one price and out at once: the price in is at least the price out."""
    v = _two_prices(p)
    p.show(v["in"] >= v["out"])
