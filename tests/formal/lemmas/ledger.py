"""contracts/core/ledger.vy: gains leave by a bucket, a lost deposit frees none."""

from typing import Any

import z3

from tests.formal.proof import Proof, lemma
from tests.formal.translate import Edit, Integers, Value

WAD = 10**18


def _bucket(p: Proof) -> dict[str, Any]:
    reading = p.reading
    assert isinstance(reading, Integers)
    v: dict[str, Any] = {
        "tokens": p.unsigned("tokens", 0, 2**112, like=10**12),
        "unit": p.unsigned("unit", 1, WAD, like=10**12),
        "share": p.unsigned("share", 0, 2**20 - 1, like=50_000),
        "window": p.unsigned("window", 1, 2**24 - 1, like=86_400),
        "before": p.unsigned("before", 0, 2**200, like=10**20),
        "time": p.unsigned("time", 0, 2**40 - 1, like=1000),
        "now": p.unsigned("now", 0, 2**40 - 1, like=2000),
        "gain": p.unsigned("gain", 0, 2**120, like=10**19),
    }
    p.assume(v["time"].term <= v["now"].term)
    p.stand_in("asset_word._unit", lambda _word: v["unit"])
    p.stand_in("asset_word._outflow_share", lambda _word: v["share"])
    p.stand_in("asset_word._outflow_window", lambda _word: v["window"])
    p.state(
        **{
            "outflow[asset]": reading.packed([(0, v["time"]), (40, v["before"])]),
            "block.timestamp": v["now"],
        }
    )
    word = p.unsigned("word", like=0)
    p.call("ledger._refill", word, word, v["tokens"], v["gain"])
    written = p.written["outflow[asset]"]
    after, time = p.var("after", 0), p.var("time_after", 0, 2**40 - 1)
    p.reading.fact(written.term == after.term * 2**40 + time.term)
    size, flow = (quotient.term for quotient in reading.quotients)
    return v | {"after": after.term, "time_after": time.term, "size": size, "flow": flow}


@lemma(
    "core/ledger.vy: _refill",
    Edit("ledger", "_refill", "min(size, unsafe_add", "max(size, unsafe_add"),
    "tokens to 2^112, as _take has them; a stored bucket to 2^200",
)
def the_outflow_bucket_never_exceeds_its_size(p: Proof) -> None:
    """After any call 0 <= bucket <= size, which is at most the share of the tokens held; its time
    is now; nothing wraps."""
    v = _bucket(p)
    share = v["tokens"].term * v["unit"].term * v["share"].term
    p.show(
        v["time_after"] == v["now"].term,
        v["after"] <= v["size"],
        v["size"] * 10**6 <= share,
    )


@lemma(
    "core/ledger.vy: _refill",
    Edit("ledger", "_refill", "unsafe_sub(available, gain)", "available"),
    "tokens to 2^112, as _take has them; a stored bucket to 2^200",
)
def a_gain_is_taken_out_of_the_bucket(p: Proof) -> None:
    """(gain + bucket after - bucket before) * window <= size * min(seconds, window)."""
    v = _bucket(p)
    seconds = v["now"].term - v["time"].term
    window = v["window"].term
    elapsed = z3.If(seconds < window, seconds, window)
    grown = v["gain"].term + v["after"] - v["before"].term
    p.show(
        v["time_after"] == v["now"].term,
        v["flow"] * window <= v["size"] * elapsed,
        grown <= v["flow"],
        grown * window <= v["flow"] * window,
        grown * window <= v["size"] * elapsed,
    )


@lemma(
    "core/ledger.vy: _refill, over a span",
    "the refill is twice as fast",
    "any real number of calls, by induction: this is its step",
)
def gains_of_a_span_are_its_buckets(p: Proof) -> None:
    """If gains <= first - bucket + size * t / window then the same after one more call; with
    first <= size it is gains <= size (1 + t / window). `size` is the largest of the span."""
    p.reals()
    gains, gain = p.var("gains", 0, like=3).term, p.var("gain", 0, like=2).term
    first, before = p.var("first", 0, like=10).term, p.var("before", 0, like=9).term
    after, largest = p.var("after", 0, like=8).term, p.var("largest", 1, like=10).term
    size, window = p.var("size", 0, like=10).term, p.var("window", 1, like=5).term
    span, step = p.var("span", 0, like=2).term, p.var("step", 0, like=1).term
    p.assume(gains * window <= (first - before) * window + largest * span)
    p.assume(size <= largest, first <= largest)
    speed = 2 if p.broken else 1
    p.assume((gain + after - before) * window <= speed * size * step)
    p.show(
        size * step <= largest * step,
        (gains + gain) * window <= (first - after) * window + largest * (span + step),
        after * window >= 0,
        first * window <= largest * window,
        (gains + gain) * window <= largest * (window + span + step),
    )


@lemma(
    "core/ledger.vy: _hold_principal",
    Edit("ledger", "_hold_principal", "max(net, 0)", "max(net, 1)"),
    bug_at={"net": -5},
)
def a_lost_deposit_frees_no_later_gain(p: Proof) -> None:
    """principal after = min(principal, max(0, net)): never more than before, never negative."""
    principal = p.unsigned("principal", 0, 2**120 - 1, like=100)
    net = p.var("net", -(2**160), 2**160, like=30)
    word = p.unsigned("word", like=0)
    p.stand_in("cash_word._principal", lambda _word: principal)
    moved: list[Value] = []

    def plus(_word: Value, change: Value) -> Value:
        moved.append(change)
        return word

    p.stand_in("cash_word._plus_principal", plus)
    p.state(**{"cash[account][asset]": word})
    p.call("ledger._hold_principal", word, word, word, net)
    change = moved[0].term
    after = principal.term + z3.If(change < 0, change, 0)
    cap = z3.If(net.term > 0, net.term, 0)
    p.show(after == z3.If(principal.term < cap, principal.term, cap), after >= 0)


@lemma(
    "libraries/cash_word.vy: _plus_principal",
    Edit("cash_word", "_plus_principal", "<< 8", "<< 7"),
)
def principal_never_carries_into_cash(p: Proof) -> None:
    """Cash and flags stay; principal changes by the signed change or the call reverts."""
    p.bits()
    word = p.unsigned("word", like=(100 << 8) | 1)
    change = p.var("change", -(2**120), 2**120, like=-30)
    after = p.call("cash_word._plus_principal", word, change).term
    field = z3.Extract(127, 8, after)
    p.show(
        z3.LShR(after, 128) == z3.LShR(word.term, 128),
        z3.Extract(7, 0, after) == z3.Extract(7, 0, word.term),
        z3.ZeroExt(136, field) == z3.ZeroExt(136, z3.Extract(127, 8, word.term)) + change.term,
    )


@lemma(
    "libraries/cash_word.vy: _plus",
    Edit("cash_word", "_plus", "(2**128 - 1)", "(2**127 - 1)"),
)
def cash_never_carries_into_principal(p: Proof) -> None:
    """Principal stays, flags gain "alive" only; cash changes by the signed change or the call
    reverts."""
    p.bits()
    word = p.unsigned("word", like=(100 << 8) | (2 << 128))
    change = p.var("change", -(2**128), 2**128, like=-30)
    after = p.call("cash_word._plus", word, change).term
    p.show(
        z3.Extract(127, 1, after) == z3.Extract(127, 1, word.term),
        z3.Extract(0, 0, after) == 1,
        (after >> 128) == (word.term >> 128) + change.term,
    )


@lemma(
    "libraries/market_words.vy: _moved",
    Edit("market_words", "_moved", "shorter, 2**104", "shorter, 2**103"),
)
def both_sides_move_by_one_addition(p: Proof) -> None:
    """A side that stays within its 104 bits gets exactly the change of longs or of shorts; cap
    scale and time stay; no carry from one field into the next."""
    reading = p.reading
    assert isinstance(reading, Integers)
    most = 2**104 - 1
    long = p.unsigned("long", 0, most, like=5 * WAD)
    short = p.unsigned("short", 0, most, like=6 * WAD)
    above = p.unsigned("above", 0, 2**48 - 1, like=9)
    word = reading.packed([(0, long), (104, short), (208, above)])
    size = p.var("size", -(2**103), 2**103, like=WAD)
    change = p.var("change", -(2**103), 2**103, like=WAD)

    def positive(term: Any) -> Any:
        return z3.If(term > 0, term, 0)

    total = size.term + change.term
    longs = long.term + positive(total) - positive(size.term)
    shorts = short.term + positive(-total) - positive(-size.term)
    p.assume(longs >= 0, longs <= most, shorts >= 0, shorts <= most)
    after = p.call("market_words._moved", word, size, change).term
    p.show(after == longs + shorts * 2**104 + above.term * 2**208)
