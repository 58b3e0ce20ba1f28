"""contracts/core/SharedLosses.vy and libraries/loss_word.vy: a loss shared by a side."""

from typing import Any

import z3

from tests.formal.proof import Proof, lemma
from tests.formal.translate import Edit, Value

WAD = 10**18
WHOLE = 10**27
LEAST = 10**18
MOST_INDEX = 2**127 - 1


def _stand_ins(p: Proof, v: dict[str, Value]) -> None:
    p.stand_in("market_words._long_index", lambda _indices: v["long_index"])
    p.stand_in("market_words._short_index", lambda _indices: v["short_index"])
    p.stand_in("market_words._pack_indices", lambda long, short: (long, short))
    p.stand_in("loss_word._generation", lambda _word, _long: p.reading.literal(0, "uint256"))
    p.stand_in("loss_word._epoch", lambda _word: p.reading.literal(1, "uint256"))


def _share(p: Proof, long: bool) -> dict[str, Any]:
    """A loss shared by a side; sizes here are magnitudes."""
    p.exact_division()
    sign = 1 if long else -1
    v: dict[str, Any] = {
        "long_index": p.var("long_index", -MOST_INDEX, MOST_INDEX, like=0),
        "short_index": p.var("short_index", -MOST_INDEX, MOST_INDEX, like=0),
        "scale": p.var("scale", LEAST, WHOLE, like=WHOLE),
        "mark": p.var("mark", 1, 2**90, like=60_000 * WAD),
    }
    low, high = (1, 2**104) if long else (-(2**104), -1)
    total = p.var("total", low, high, like=sign * 100 * WAD)
    closed = p.var("closed", low, high, like=sign * 3 * WAD)
    p.assume(closed.term <= total.term if long else closed.term >= total.term)
    _stand_ins(p, v)
    p.stand_in("loss_word._scale", lambda _word, _long: v["scale"])
    p.stand_in("loss_word._next", lambda word, _long, _left: word)
    word = p.unsigned("word", like=0)
    p.state(
        **{
            "losses[msg.sender][instrument]": word,
            "epochs[msg.sender][instrument][loss_words._epoch(word)]": word,
            "ends[msg.sender][instrument][long][loss_words._generation(word, long)]": v[
                "long_index"
            ],
        }
    )
    indices, rest = p.call("SharedLosses.share", word, word, total, closed, v["mark"])
    return v | {
        "total": sign * total.term,
        "closed": sign * closed.term,
        "after": [index.term for index in indices],
        "rest": sign * rest.term,
    }


def _paths(p: Proof, long: bool) -> dict[str, Any]:
    v = _share(p, long)
    index = v["long_index" if long else "short_index"].term
    after = v["after"][0 if long else 1]
    v["charged"] = after - index
    v["other"] = v["after"][1 if long else 0] == v["short_index" if long else "long_index"].term
    return v


def _survivor(p: Proof, v: dict[str, Any], long: bool) -> Any:
    """left, by its definition: scale * (total - closed) / total; 0 below a billionth."""
    numerator = v["scale"].term * (v["total"] - v["closed"])
    left = z3.Int("survivor")
    total = v["total"]
    if long:
        p.reading.fact(z3.And(left * total >= numerator, left * total < numerator + total))
    else:
        p.reading.fact(z3.And(left * total <= numerator, left * total > numerator - total))
    return left


@lemma(
    "core/SharedLosses.vy: share, longs",
    Edit(
        "SharedLosses",
        "share",
        "left = rounding._mul_div_up(scale",
        "left = rounding._mul_div_down(scale",
    ),
    bug_at={"scale": WHOLE, "total": 3 * WAD, "closed": WAD, "mark": 2**90},
)
def the_pot_pays_longs_no_more_than_the_bankrupt_paid(p: Proof) -> None:
    """While a generation lasts: (what a unit of scale is paid) * total <= closed * mark * scale,
    the short index unmoved."""
    v = _paths(p, True)
    lasts = v["rest"] == 0
    scale, total, mark = v["scale"].term, v["total"], v["mark"].term
    paid = -v["charged"]
    left = _survivor(p, v, True)
    p.assume(lasts, v["closed"] < total, left >= LEAST)
    p.show(
        v["other"],
        (scale - left) * total <= scale * v["closed"],
        paid * WAD <= (scale - left) * mark,
        paid * WAD * total <= (scale - left) * mark * total,
        (scale - left) * mark * total <= scale * v["closed"] * mark,
        paid * WAD * total <= scale * v["closed"] * mark,
    )


@lemma(
    "core/SharedLosses.vy: share, shorts",
    Edit("SharedLosses", "share", "rounding._div_up(paid, WAD)", "rounding._div_down(paid, WAD)"),
    bug_at={"scale": WHOLE, "total": -3 * WAD, "closed": -WAD, "mark": 1},
)
def the_pot_takes_from_shorts_no_less_than_the_bankrupt_took(p: Proof) -> None:
    """While a generation lasts: (what a unit of scale is charged) * total >= closed * mark *
    scale, the long index unmoved."""
    v = _paths(p, False)
    lasts = v["rest"] == 0
    scale, total, mark = v["scale"].term, v["total"], v["mark"].term
    charged = -v["charged"]
    left = _survivor(p, v, False)
    p.assume(lasts, v["closed"] < total, left >= LEAST)
    p.show(
        v["other"],
        (scale - left) * total >= scale * v["closed"],
        charged * WAD >= (scale - left) * mark,
        charged * WAD * total >= (scale - left) * mark * total,
        (scale - left) * mark * total >= scale * v["closed"] * mark,
        charged * WAD * total >= scale * v["closed"] * mark,
    )


@lemma(
    "core/SharedLosses.vy: share",
    Edit("SharedLosses", "share", "left < loss_words.LEAST", "left < loss_words.WHOLE // 2"),
    bug_at={"scale": WHOLE // 2, "total": 4 * WAD, "closed": WAD},
)
def a_generation_ends_only_below_a_billionth(p: Proof) -> None:
    """What is handed to the pool as the rest of a side is none, unless the scale would fall below
    1e-9: and then it is all that is left."""
    v = _paths(p, True)
    left = _survivor(p, v, True)
    p.show(
        z3.Implies(left >= LEAST, v["rest"] == 0),
        z3.Implies(left < LEAST, v["rest"] == v["total"] - v["closed"]),
    )


def _standing(p: Proof, long: bool, same: bool = True) -> dict[str, Any]:
    p.exact_division()
    low, high = (1, 2**103 - 1) if long else (-(2**103), -1)
    v: dict[str, Any] = {
        "size": p.var("size", low, high, like=(1 if long else -1) * 10**19),
        "left": p.var("left", LEAST, WHOLE, like=7 * 10**26),
        "whole": p.var("whole", LEAST, WHOLE, like=9 * 10**26),
        "index": p.var("index", -MOST_INDEX, MOST_INDEX, like=5 * 10**20),
        "checkpoint": p.var("checkpoint", -MOST_INDEX, MOST_INDEX, like=10**20),
        "end": p.var("end", -MOST_INDEX, MOST_INDEX, like=0),
    }
    p.assume(v["left"].term <= v["whole"].term)
    scales = iter((v["left"], v["whole"]))
    generations = iter(
        (p.reading.literal(0, "uint256"), p.reading.literal(0 if same else 1, "uint256"))
    )
    p.stand_in("position_word._size", lambda _word: v["size"])
    p.stand_in("position_word._checkpoint", lambda _word: v["checkpoint"])
    p.stand_in("position_word._epoch", lambda _word: p.reading.literal(1, "uint256"))
    p.stand_in("market_words._index", lambda _indices, _size: v["index"])
    p.stand_in("loss_word._scale", lambda _word, _long: next(scales))
    p.stand_in("loss_word._generation", lambda _word, _long: next(generations))
    word = p.unsigned("word", like=0)
    p.state(
        **{
            "losses[core][instrument]": word,
            "epochs[core][instrument][position_word._epoch(position)]": word,
            "ends[core][instrument][long][generation]": v["end"],
        }
    )
    now, due = p.call("SharedLosses._standing", word, word, word, word)
    return v | {"now": now.term, "due": due.term}


@lemma(
    "core/SharedLosses.vy: _standing",
    Edit(
        "SharedLosses",
        "_standing",
        "rounding._mul_div_down(size, left",
        "rounding._mul_div_up(size, left",
    ),
    bug_at={"size": 1, "left": LEAST, "whole": LEAST * 3},
)
def a_touched_long_loses_less_than_a_unit(p: Proof) -> None:
    """Its size now is size * D / D0 less a part of 1e-18 units: 0 <= now <= size. What it is due
    is rounded up."""
    v = _standing(p, True)
    size, now = v["size"].term, v["now"]
    left, whole = v["left"].term, v["whole"].term
    moved = v["index"].term - v["checkpoint"].term
    p.show(
        now * whole <= size * left,
        now * whole > size * left - whole,
        size * left <= size * whole,
        now <= size,
        now >= 0,
        v["due"] * whole >= size * moved,
        v["due"] * whole < size * moved + whole,
    )


@lemma(
    "core/SharedLosses.vy: _standing",
    Edit("SharedLosses", "_standing", "size, index - position_word", "size, position_word"),
    bug_at={"checkpoint": 10**20, "index": 5 * 10**20},
)
def a_touched_short_grows_by_less_than_a_unit(p: Proof) -> None:
    """Its magnitude now is that of size * D / D0 and less than 1e-18 units more, never more than
    it was. What it is due is rounded up."""
    v = _standing(p, False)
    size, now = v["size"].term, v["now"]
    left, whole = v["left"].term, v["whole"].term
    moved = v["index"].term - v["checkpoint"].term
    p.show(
        now * whole <= size * left,
        now * whole > size * left - whole,
        size * left >= size * whole,
        now * whole > size * whole - whole,
        now >= size,
        now <= 0,
        v["due"] * whole >= size * moved,
        v["due"] * whole < size * moved + whole,
    )


@lemma(
    "core/SharedLosses.vy: _standing",
    Edit("SharedLosses", "_standing", "left = 0", "left = 1"),
    bug_at={"size": 10**30, "whole": LEAST},
)
def a_position_of_an_ended_generation_is_zero(p: Proof) -> None:
    """Size zero, and due up to the index at which its generation ended."""
    v = _standing(p, True, same=False)
    moved = v["end"].term - v["checkpoint"].term
    p.show(
        v["now"] == 0,
        v["due"] * v["whole"].term >= v["size"].term * moved,
        v["due"] * v["whole"].term < v["size"].term * moved + v["whole"].term,
    )


@lemma(
    "core/SharedLosses.vy: _standing, a whole side",
    "sizes are rounded up",
    "any two parts of a side, so any number of positions",
)
def positions_never_sum_to_more_than_their_side(p: Proof) -> None:
    """floor(x D / D0) + floor(y D / D0) is floor((x + y) D / D0) or one 1e-18 less, which the
    backstop keeps."""
    x, y = p.var("x", -(2**103), 2**103, like=7), p.var("y", -(2**103), 2**103, like=8)
    left = p.var("left", LEAST, WHOLE, like=LEAST)
    whole = p.var("whole", LEAST, WHOLE, like=2 * LEAST)
    up = p.broken
    parts = [
        p.ceiling(p.reading.arithmetic("Mult", size, left, False), whole, up).term
        for size in (x, y, p.reading.arithmetic("Add", x, y, False))
    ]
    both, d = parts[0] + parts[1] - parts[2], whole.term
    n = x.term * left.term + y.term * left.term
    p.show(
        (x.term + y.term) * left.term == n,
        z3.And(both * d < d, both * d > -2 * d) if not up else both <= 0,
        both <= 0,
        both >= -1,
    )


def _scaled(p: Proof) -> dict[str, Any]:
    p.exact_division()
    v: dict[str, Any] = {
        "scale": p.var("scale", LEAST, WHOLE, like=WHOLE // 2),
        "stored_long": p.var("stored_long", -MOST_INDEX, MOST_INDEX, like=3),
        "stored_short": p.var("stored_short", -MOST_INDEX, MOST_INDEX, like=5),
        "long": p.var("long", -MOST_INDEX, MOST_INDEX, like=10),
        "short": p.var("short", -MOST_INDEX, MOST_INDEX, like=20),
    }
    stored, accrued = p.unsigned("stored", like=0), p.unsigned("accrued", like=1)
    p.stand_in(
        "market_words._long_index",
        lambda word: v["stored_long"] if word is stored else v["long"],
    )
    p.stand_in(
        "market_words._short_index",
        lambda word: v["stored_short"] if word is stored else v["short"],
    )
    p.stand_in("market_words._pack_indices", lambda long, short: (long, short))
    p.stand_in("loss_word._scale", lambda _word, _long: v["scale"])
    p.state(**{"losses[core][instrument]": p.unsigned("word", like=0)})
    long, short = p.call("SharedLosses._scaled", stored, stored, stored, accrued)
    return v | {"new_long": long.term, "new_short": short.term}


@lemma(
    "core/SharedLosses.vy: _scaled",
    Edit(
        "SharedLosses",
        "_scaled",
        "before + rounding._mul_div_down",
        "before + rounding._mul_div_up",
    ),
    bug_at={"scale": LEAST, "stored_short": 0, "short": 1},
)
def funding_of_a_scaled_side_is_rounded_against_it(p: Proof) -> None:
    """A += D dF, up for longs, who pay it, and down for shorts, who receive it."""
    v = _scaled(p)
    scale = v["scale"].term
    long = (v["new_long"] - v["stored_long"].term) * WHOLE
    short = (v["new_short"] - v["stored_short"].term) * WHOLE
    p.show(
        long >= (v["long"].term - v["stored_long"].term) * scale,
        long < (v["long"].term - v["stored_long"].term) * scale + WHOLE,
        short <= (v["short"].term - v["stored_short"].term) * scale,
        short > (v["short"].term - v["stored_short"].term) * scale - WHOLE,
    )


@lemma(
    "libraries/loss_word.vy: _next",
    Edit("loss_word", "_next", "self._generation(after, long) != 0, ", "self._epoch(after) != 0, "),
)
def the_next_epoch_carries_into_no_other_field(p: Proof) -> None:
    """The epoch grows by one, the other side keeps scale and generation, this side's scale is
    what is left, or whole in the next generation; an overflow of either count reverts."""
    p.bits()
    word = p.unsigned("word", like=5)
    long = Value(z3.Bool("long"), "bool", 0, 1)
    left = p.var("left", 0, WHOLE, like=WHOLE // 2)
    after = p.call("loss_word._next", word, long, left).term
    before = word.term

    def field(term: Any, high: int, low: int) -> Any:
        return z3.ZeroExt(255 - high + low, z3.Extract(high, low, term))

    lost = z3.If(left.term == 0, z3.BitVecVal(0, 256), WHOLE - left.term)
    ended = z3.If(left.term == 0, z3.BitVecVal(1, 256), z3.BitVecVal(0, 256))
    own = [(255, 160), (63, 44)]
    other = [(159, 64), (43, 24)]
    for side, lost_bits, count_bits in ((long.term, *own), (z3.Not(long.term), *other)):
        p.show(
            z3.Implies(side, field(after, *lost_bits) == lost),
            z3.Implies(side, field(after, *count_bits) == field(before, *count_bits) + ended),
            z3.Implies(z3.Not(side), field(after, *lost_bits) == field(before, *lost_bits)),
            z3.Implies(z3.Not(side), field(after, *count_bits) == field(before, *count_bits)),
        )
    p.show(field(after, 23, 0) == field(before, 23, 0) + 1)


@lemma(
    "libraries/loss_word.vy: _scale, _next",
    Edit("loss_word", "_scale", "word >> 160", "word >> 159"),
)
def a_scale_is_read_as_it_was_written(p: Proof) -> None:
    """_scale of _next's word is what was left, or 1 after the end of a generation."""
    p.bits()
    word = p.unsigned("word", like=5)
    long = Value(z3.Bool("long"), "bool", 0, 1)
    left = p.var("left", 0, WHOLE, like=WHOLE // 2)
    after = p.call("loss_word._next", word, long, left)
    scale = p.call("loss_word._scale", after, long).term
    p.show(scale == z3.If(left.term == 0, z3.BitVecVal(WHOLE, 256), left.term))
