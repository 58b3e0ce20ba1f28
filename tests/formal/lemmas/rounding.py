"""contracts/libraries/rounding.vy: the branchless forms are ceiling and floor."""

import z3

from tests.formal.proof import Proof, lemma
from tests.formal.translate import Edit

WIDEST = 2**255 - 1


def _operands(p: Proof):
    a = p.var("a", -(2**127), 2**127, like=-7)
    b = p.var("b", 0, 2**127, like=5)
    return a, b, p.var("d", 1, 2**160, like=3)


@lemma(
    "libraries/rounding.vy: _mul_div_up",
    Edit("rounding", "_mul_div_up", "denominator) < product", "denominator) <= product"),
    "|a| <= 2^127, 0 <= b <= 2^127, 0 < d <= 2^160",
)
def mul_div_up_is_the_ceiling(p: Proof) -> None:
    """(r - 1) d < a b <= r d, and nothing wraps."""
    a, b, d = _operands(p)
    r = p.call("rounding._mul_div_up", a, b, d).term
    p.show(r * d.term >= a.term * b.term, r * d.term < a.term * b.term + d.term)


@lemma(
    "libraries/rounding.vy: _mul_div_down",
    Edit("rounding", "_mul_div_down", "denominator) > product", "denominator) < product"),
    "|a| <= 2^127, 0 <= b <= 2^127, 0 < d <= 2^160",
)
def mul_div_down_is_the_floor(p: Proof) -> None:
    """r d <= a b < (r + 1) d, and nothing wraps."""
    a, b, d = _operands(p)
    r = p.call("rounding._mul_div_down", a, b, d).term
    p.show(r * d.term <= a.term * b.term, r * d.term > a.term * b.term - d.term)


@lemma(
    "libraries/rounding.vy: _div_up",
    Edit("rounding", "_div_up", "unsafe_add(quotient", "unsafe_sub(quotient"),
    "|n| < 2^255, 0 < d < 2^255",
)
def div_up_is_the_ceiling(p: Proof) -> None:
    """(r - 1) d < n <= r d, and nothing wraps."""
    n = p.var("n", -WIDEST, WIDEST, like=-10)
    d = p.var("d", 1, WIDEST, like=4)
    r = p.call("rounding._div_up", n, d).term
    p.show(r * d.term >= n.term, r * d.term < n.term + d.term)


@lemma(
    "libraries/rounding.vy: _div_down",
    Edit("rounding", "_div_down", "> numerator", ">= numerator"),
    "|n| < 2^255, 0 < d < 2^255",
)
def div_down_is_the_floor(p: Proof) -> None:
    """r d <= n < (r + 1) d, and nothing wraps."""
    n = p.var("n", -WIDEST, WIDEST, like=-10)
    d = p.var("d", 1, WIDEST, like=4)
    r = p.call("rounding._div_down", n, d).term
    p.show(r * d.term <= n.term, r * d.term > n.term - d.term)


@lemma(
    "libraries/rounding.vy: _mul_div_up, _mul_div_down",
    Edit("rounding", "_mul_div_down", "unsafe_sub(quotient", "unsafe_add(quotient"),
    "|a| <= 2^127, 0 <= b <= 2^127, 0 < d <= 2^160",
)
def both_sides_of_a_fill_are_one_integer(p: Proof) -> None:
    """up(-a b / d) = -down(a b / d): what one side pays rounded up, the other gets rounded down."""
    a, b, d = _operands(p)
    minus = p.var("minus", -(2**127), 2**127, like=7)
    p.assume(minus.term == -a.term)
    up = p.call("rounding._mul_div_up", minus, b, d).term
    down = p.call("rounding._mul_div_down", a, b, d).term
    n = a.term * b.term
    p.show(
        minus.term * b.term == -n,
        z3.And(down * d.term <= n, n < down * d.term + d.term),
        z3.And(up * d.term >= -n, -n > up * d.term - d.term),
        (up + down) * d.term > -d.term,
        (up + down) * d.term < d.term,
        up + down == 0,
    )


@lemma(
    "libraries/rounding.vy: _abs",
    Edit("rounding", "_abs", "signed < 0", "signed > 0"),
    "all but -2^255",
)
def abs_is_the_magnitude(p: Proof) -> None:
    """_abs(x) >= 0 and is x or -x."""
    x = p.var("x", -WIDEST, WIDEST, like=-3)
    r = p.call("rounding._abs", x).term
    p.show(r >= 0, z3.Or(r == x.term, r == -x.term))
