"""contracts/liquidation/bucket.vy: what slices take in a window."""

from typing import Any

import z3

from tests.formal.proof import Proof, lemma
from tests.formal.translate import Edit, Integers, Value

WAD = 10**18
MOST_DRAWN = 2**64 - 1


def _word(p: Proof) -> dict[str, Any]:
    """A market's word with its own terms or the usual ones, and a later time."""
    reading = p.reading
    assert isinstance(reading, Integers)

    def terms(name: str, like: int) -> tuple[Value, Value]:
        size = p.unsigned(f"{name} size", 0, 2**20 - 1, like=2000 * like)
        window = p.unsigned(f"{name} window", 0, 2**20 - 1, like=60 * like)
        inside = z3.And(size.term >= 500, size.term <= 10**6, window.term >= 10)
        p.assume(z3.Or(z3.And(inside, window.term <= 3600), like == 0 and window.term == 0))
        return size, window

    size, window = terms("own", 0)
    usual_size, usual_window = terms("usual", 1)
    drawn = p.unsigned("drawn", 0, MOST_DRAWN, like=5 * 10**14)
    time = p.unsigned("time", 1, 2**40 - 1, like=1000)
    now = p.unsigned("now", 1, 2**40 - 1, like=1030)
    p.assume(now.term >= time.term)
    liquidated = p.unsigned("liquidated", 0, 2**112 - 1, like=7)
    word = reading.packed([(0, time), (40, size), (60, window), (80, drawn), (144, liquidated)])
    p.state(
        USUAL=reading.packed([(40, usual_size), (60, usual_window)]),
        **{"block.timestamp": now},
    )
    own = window.term != 0
    return {
        "drawn": drawn,
        "now": now,
        "time": time,
        "word": word,
        "size": z3.If(own, size.term, usual_size.term),
        "window": z3.If(own, window.term, usual_window.term),
    }


def _refilled(p: Proof, w: dict[str, Any]) -> tuple[Any, Any]:
    p.exact_division()
    drawn, size = p.call("bucket._now", w["word"])
    return drawn, size


@lemma(
    "liquidation/bucket.vy: _now",
    Edit("bucket", "_now", "& PPM_FIELD, int256) * PART_PER_PPM", "& PPM_FIELD, int256) * WAD"),
)
def a_refill_never_makes_more_than_was_drawn(p: Proof) -> None:
    """0 <= drawn now <= drawn before; the size is that of the word, in parts of K."""
    w = _word(p)
    drawn, size = _refilled(p, w)
    p.show(size.term == w["size"] * 10**12, drawn.term >= 0, drawn.term <= w["drawn"].term)


@lemma(
    "liquidation/bucket.vy: _now",
    Edit("bucket", "_now", "_mul_div_down(size, elapsed", "_mul_div_up(size, elapsed"),
    bug_at={"drawn": 10**18, "own window": 11, "own size": 2000, "now": 1030, "time": 1000},
)
def a_refill_is_at_most_size_for_each_window(p: Proof) -> None:
    """(drawn before - drawn now) * window <= size * seconds."""
    w = _word(p)
    drawn, size = _refilled(p, w)
    elapsed = w["now"].term - w["time"].term
    p.show((w["drawn"].term - drawn.term) * w["window"] <= size.term * elapsed)


@lemma(
    "liquidation/bucket.vy: _room",
    Edit("bucket", "_room", "max(0, size - drawn)", "max(0, size + drawn)"),
    "a scale K below 2^104",
)
def room_is_what_is_not_drawn(p: Proof) -> None:
    """room * 1e18 <= max(0, size - drawn) * K, and 0 <= room <= a full bucket."""
    p.exact_division()
    scale = p.var("scale", 1, 2**104, like=5000 * WAD)
    drawn = p.var("drawn", 0, MOST_DRAWN, like=10**15)
    size = p.var("size", 5 * 10**14, WAD, like=2 * 10**15)
    p.stand_in("bucket._now", lambda _word: (drawn, size))
    word = p.unsigned("word", like=0)
    p.state(**{"words[instrument]": word})
    room, full = p.call("bucket._room", p.unsigned("instrument", like=64), scale)
    left = z3.If(size.term > drawn.term, size.term - drawn.term, 0)
    p.show(
        room.term * WAD <= left * scale.term,
        room.term >= 0,
        z3.Implies(
            size.term > drawn.term, (size.term - drawn.term) * scale.term <= size.term * scale.term
        ),
        room.term <= full.term,
    )


def _drawn(p: Proof) -> dict[str, Value]:
    """A slice of `units` in a bucket of which `before` is drawn; `after`: what is written."""
    p.exact_division()
    v = {
        "scale": p.var("scale", 10**12, 2**104, like=5000 * WAD),
        "before": p.var("before", 0, MOST_DRAWN, like=10**15),
        "size": p.var("size", 5 * 10**14, WAD, like=2 * 10**15),
        "units": p.var("units", 1, 2**104, like=WAD),
    }
    p.stand_in("bucket._now", lambda _word: (v["before"], v["size"]))
    written: list[Value] = []
    p.stand_in("bucket._write", lambda _instrument, _word, drawn, _notional: written.append(drawn))
    p.state(**{"words[instrument]": p.unsigned("word", like=0)})
    instrument = p.unsigned("instrument", like=64)
    _call_with_pair(p, instrument, v)
    return v | {"after": written[0]}


def _call_with_pair(p: Proof, instrument: Value, v: dict[str, Value]) -> None:
    notional = p.var("notional", 0, 2**127, like=60_000 * WAD)
    p.call("bucket._draw", instrument, v["units"], notional, v["scale"])


@lemma(
    "liquidation/bucket.vy: _draw",
    Edit("bucket", "_draw", "_mul_div_up(units", "_mul_div_down(units"),
    "K from 1e-6 units to 2^104",
    bug_at={"units": 1, "scale": 5000 * WAD, "before": 0},
)
def what_is_taken_is_drawn(p: Proof) -> None:
    """(drawn after - drawn before) * K >= units * 1e18, unless the field is full (18 K)."""
    v = _drawn(p)
    p.show(
        z3.Or(
            v["after"].term == MOST_DRAWN,
            (v["after"].term - v["before"].term) * v["scale"].term >= v["units"].term * WAD,
        )
    )


@lemma(
    "liquidation/bucket.vy: _room, _draw",
    Edit("bucket", "_draw", "self._now(word)[0] + ", "self._now(word)[0] + 1 + "),
    "K from 1e-6 units to 2^104",
    bug_at={"units": 5 * WAD, "scale": 5000 * WAD, "before": 10**15, "size": 2 * 10**15},
)
def a_slice_within_the_room_never_overfills(p: Proof) -> None:
    """If units * 1e18 <= (size - drawn) * K, as the room has it, then drawn after <= size."""
    v = _drawn(p)
    size, before, scale = v["size"].term, v["before"].term, v["scale"].term
    p.assume(before <= size, v["units"].term * WAD <= (size - before) * scale)
    p.show(v["after"].term <= size)


@lemma(
    "liquidation/bucket.vy: _now, _draw, over a window",
    "the refill is twice as fast",
    "any real number of calls, by induction: this is its step",
)
def a_window_adds_its_refill_and_no_more(p: Proof) -> None:
    """If taken * window <= (drawn - drawn at the start) * window + size * seconds, in parts of K,
    then the same after one more refill and one more slice. With drawn <= size at the end it is
    taken <= size (1 + seconds / window)."""
    p.reals()
    taken, more = p.var("taken", 0, like=3), p.var("more", 0, like=5)
    first, drawn = p.var("first", 0, like=0), p.var("drawn", 0, like=10)
    refilled, after = p.var("refilled", 0, like=6), p.var("after", 0, like=11)
    size, window = p.var("size", 1, like=20), p.var("window", 1, like=5)
    seconds, step = p.var("seconds", 0, like=9), p.var("step", 0, like=1)
    w = window.term
    p.assume(taken.term * w <= (drawn.term - first.term) * w + size.term * seconds.term)
    # a_refill_is_at_most_size_for_each_window
    speed = 2 if p.broken else 1
    p.assume((drawn.term - refilled.term) * w <= speed * size.term * step.term)
    # what_is_taken_is_drawn
    p.assume(after.term - refilled.term >= more.term)
    p.show(
        (after.term - refilled.term) * w >= more.term * w,
        (taken.term + more.term) * w
        <= (after.term - first.term) * w + size.term * (seconds.term + step.term),
    )
    p.show(
        z3.Implies(
            after.term <= size.term,
            (taken.term + more.term) * w <= size.term * (w + seconds.term + step.term),
        )
    )


@lemma(
    "liquidation/bucket.vy: _write",
    Edit("bucket", "_write", "min(MOST_LIQUIDATED, ", "max(MOST_LIQUIDATED, "),
)
def a_write_keeps_every_field_in_its_place(p: Proof) -> None:
    """Drawn and time are those given, size and window as they were, liquidated grows and stops at
    its most; no field carries into another."""
    p.bits()
    word = p.unsigned("word", like=7 << 144)
    now = p.unsigned("now", 0, 2**40 - 1, like=1000)
    drawn = p.var("drawn", 0, MOST_DRAWN, like=5)
    notional = p.var("notional", 0, 2**127, like=9)
    p.state(**{"block.timestamp": now})
    p.call("bucket._write", p.unsigned("instrument", like=1), word, drawn, notional)
    after = p.written["words[instrument]"].term
    liquidated = z3.LShR(word.term, 144) + notional.term
    most = z3.BitVecVal(2**112 - 1, 256)
    p.show(
        z3.Extract(39, 0, after) == z3.Extract(39, 0, now.term),
        z3.Extract(79, 40, after) == z3.Extract(79, 40, word.term),
        z3.Extract(143, 80, after) == z3.Extract(63, 0, drawn.term),
        z3.LShR(after, 144) == z3.If(z3.ULE(liquidated, most), liquidated, most),
    )


@lemma(
    "liquidation/bucket.vy: _set",
    Edit("bucket", "_set", "(drawn << 80)", "(drawn << 79)"),
)
def new_terms_leave_what_was_drawn(p: Proof) -> None:
    """After _set the drawn part is that of now, not a full bucket; the new terms are in bounds."""
    p.bits()
    word = p.unsigned("word", like=7 << 144)
    now = p.unsigned("now", 0, 2**40 - 1, like=1000)
    drawn = p.var("drawn", 0, MOST_DRAWN, like=5)
    size = p.unsigned("size", like=2000)
    window = p.unsigned("window", like=60)
    zero = p.var("zero", 0, 0, like=0)
    p.stand_in("bucket._now", lambda _word: (drawn, zero))
    p.state(**{"block.timestamp": now, "words[instrument]": word})
    p.call("bucket._set", p.unsigned("instrument", like=1), size, window)
    after = p.written["words[instrument]"].term
    p.show(
        z3.Extract(143, 80, after) == z3.Extract(63, 0, drawn.term),
        z3.LShR(after, 144) == z3.LShR(word.term, 144),
        z3.Extract(59, 40, after) == z3.Extract(19, 0, size.term),
        z3.Extract(79, 60, after) == z3.Extract(19, 0, window.term),
        z3.And(z3.ULE(500, size.term), z3.ULE(size.term, 10**6)),
        z3.And(z3.ULE(10, window.term), z3.ULE(window.term, 3600)),
    )
