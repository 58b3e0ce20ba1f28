"""contracts/liquidation/CircuitBreaker.vy: how long HALTED lasts, and what that makes of a wait."""

from typing import Any

import z3

from tests.formal.proof import Proof, lemma
from tests.formal.translate import Edit, Integers, Value
from tidegate.spec import breaker

HALTED = 4
AUCTION_ONLY = 3


def _poked(p: Proof) -> dict[str, Any]:
    """One poke of a market in any state, at any time, whatever is measured."""
    reading = p.reading
    assert isinstance(reading, Integers)
    v: dict[str, Any] = {
        "now": p.unsigned("now", 0, 2**31, like=10_200),
        "before": p.unsigned("before", 0, HALTED, like=4),
        "halt": p.unsigned("halt", 60, 3600, like=600),
        "measured": p.unsigned("measured", 0, HALTED, like=4),
        "grace": p.unsigned("grace", 0, 3600, like=0),
        "hold": p.unsigned("hold", 0, 43_200, like=300),
        "dark": p.unsigned("dark", 0, 1, like=0),  # an outage at the last poke
        "end": p.unsigned("end", 0, 2**31 + 3600, like=10_100),
        "rest": p.unsigned("rest", 0, 2**31 + 7200, like=10_700),
    }
    times = [(at, p.unsigned(f"time {at}", 0, 2**32 - 1, like=0)) for at in (0, 32, 64, 96)]
    # escalate lets no more in
    guard = p.unsigned("guard", 0, HALTED, like=0)
    state = reading.packed([*times, (128, guard), (131, v["dark"])])
    halts = reading.packed([(0, v["end"]), (32, v["rest"])])
    for name in ("measured", "grace", "hold"):
        p.stand_in(f"CircuitBreaker._{name}", lambda *_, value=v[name]: value)
    p.stand_in("CircuitBreaker._longest_halt", lambda _settings: v["halt"])
    p.stand_in("CircuitBreaker._pack_state", lambda *_: state)
    p.state(**{"halts_word": halts, "block.timestamp": v["now"]})
    settings = p.unsigned("settings", like=0)
    outage = {"outage": Value(z3.BoolVal(False), "bool", 0, 1)}
    verdict = p.call("CircuitBreaker._judge", settings, v["before"], state, outage)
    new = verdict["halts"].term
    end, rest = z3.Ints("end_after rest_after")
    reading.fact(z3.And(end >= 0, end < 2**32, rest >= 0))
    reading.fact(z3.If(new == 0, halts.term, new) == rest * 2**32 + end)
    terms = {name: value.term for name, value in v.items()}
    return terms | {"level": verdict["level"].term, "end_after": end, "rest_after": rest}


@lemma(
    "liquidation/CircuitBreaker.vy: _judge",
    Edit("CircuitBreaker", "_judge", "new_halts = end |", "new_halts = (end + 1) |"),
    "every state, reading and time to 2^31 s",
)
def a_halt_is_within_the_halts_of_all_markets(p: Proof) -> None:
    """After a poke without an outage a market is HALTED only before the end of the halts, which
    is at most the longest halt away or as it was."""
    v = _poked(p)
    p.show(
        z3.Implies(v["level"] == HALTED, v["now"] < v["end_after"]),
        z3.Or(v["end_after"] == v["end"], v["end_after"] <= v["now"] + v["halt"]),
    )


@lemma(
    "liquidation/CircuitBreaker.vy: _judge, _may_halt",
    Edit(
        "CircuitBreaker",
        "_may_halt",
        "block.timestamp >= halts >> 32",
        "block.timestamp >= halts & TIME",
    ),
    "every state, reading and time to 2^31 s",
)
def new_halts_begin_after_a_rest(p: Proof) -> None:
    """The end of the halts moves only when their rest is over, and then the next rest ends as long
    after it as a halt may last. The end of a rest never comes nearer."""
    v = _poked(p)
    p.assume(v["rest"] >= v["end"])
    moved = v["end_after"] != v["end"]
    p.show(
        z3.Implies(moved, v["now"] >= v["rest"]),
        z3.Implies(moved, v["rest_after"] == v["end_after"] + v["halt"]),
        v["rest_after"] >= v["rest"],
        v["rest_after"] >= v["end_after"],
    )


@lemma(
    "liquidation/CircuitBreaker.vy: _judge",
    Edit(
        "CircuitBreaker",
        "_judge",
        "max(halts >> 32, now + self._longest_halt(settings))",
        "(halts >> 32)",
    ),
    "every state, reading and time to 2^31 s",
)
def the_poke_after_the_end_lifts_a_halt(p: Proof) -> None:
    """A market that is HALTED without an outage is AUCTION_ONLY at most after the first poke past
    the end, however high its meters, and from that poke on no market halts for the longest
    halt."""
    v = _poked(p)
    late = z3.And(v["before"] == HALTED, v["now"] >= v["end"], v["dark"] == 0)
    p.show(
        z3.Implies(late, v["level"] <= AUCTION_ONLY),
        z3.Implies(late, v["rest_after"] >= v["now"] + v["halt"]),
    )


class _Symbol:
    """An integer of z3 that Python's arithmetic takes for a number: the specification's own
    formula is what is proved of."""

    def __init__(self, p: Proof, term: Any) -> None:
        self.p, self.term = p, term

    def _of(self, other: Any) -> Any:
        return other.term if isinstance(other, _Symbol) else other

    def __add__(self, other: Any) -> "_Symbol":
        return _Symbol(self.p, self.term + self._of(other))

    def __mul__(self, other: Any) -> "_Symbol":
        return _Symbol(self.p, self.term * self._of(other))

    def __neg__(self) -> "_Symbol":
        return _Symbol(self.p, -self.term)

    def __floordiv__(self, other: Any) -> "_Symbol":
        quotient, divisor = z3.Int(self.p.reading.name("floor")), self._of(other)
        self.p.reading.quotients.append(Value(quotient, "int256"))
        self.p.reading.fact(
            z3.And(quotient * divisor <= self.term, self.term < quotient * divisor + divisor)
        )
        return _Symbol(self.p, quotient)


@lemma(
    "tidegate/spec/breaker.py: longest_wait",
    "a rest is half as long as a halt",
    "any whole seconds",
)
def the_wait_is_at_most_t_max(p: Proof) -> None:
    """Free time before the k-th halt of a wait is at least (k - 1) T, as a rest lies between two
    halts; if it is less than y, then k <= ceil(y / T), and y + k (T + p) + p is at most what
    `longest_wait` says."""
    needed = p.var("needed", 1, like=600)
    halt = p.var("halt", 60, 3600, like=600)
    between = p.var("between", 0, like=15)
    free, halts = p.var("free", 0, like=0), p.var("halts", 1, like=1)
    total = p.var("total", 0, like=1230)
    wait = breaker.longest_wait(
        _Symbol(p, needed.term), _Symbol(p, halt.term), _Symbol(p, between.term)
    )
    rests = (halts.term - 1) * halt.term
    p.assume(2 * free.term >= rests if p.broken else free.term >= rests)
    p.assume(free.term < needed.term)
    # the wait: what is needed, each halt with the poke that ends it, and the first poke
    p.assume(total.term <= needed.term + halts.term * (halt.term + between.term) + between.term)
    rounded = -p.reading.quotients[0].term
    extra = (rounded - halts.term) * (halt.term + between.term)
    p.show(
        rests < rounded * halt.term,
        halts.term - 1 < rounded,
        extra >= 0,
        total.term <= wait.term,
    )
