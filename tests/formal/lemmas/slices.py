"""contracts/liquidation/slices.vy: what is taken of a position."""

from typing import Any

import z3

from tests.formal.proof import Proof, lemma
from tests.formal.translate import UNSIGNED, Edit, Value

WAD = 10**18
PPM = 10**6


def _terms(p: Proof) -> dict[str, Value]:
    """The parameters that the code unpacks from words, each within its field."""
    v = {
        "least": p.var("least", 0, 2**48 * 10**12, like=10 * WAD),
        "buffer": p.var("buffer", 0, 2**20 - 1, like=50_000),
        "shock": p.var("shock", 1, 2**20 - 1, like=30_000),
        "penalty_cap": p.var("penalty_cap", 0, 2**20 - 1, like=7_500),
        "contingency": p.var("contingency", 0, 2**127, like=100 * WAD),
    }
    p.stand_in("terms._minimum_notional", lambda _word: v["least"])
    p.stand_in("terms._buffer", lambda _word: v["buffer"])
    p.stand_in("terms._maintenance_shock", lambda _word: v["shock"])
    p.stand_in("terms._penalty", lambda _word: v["penalty_cap"])
    p.stand_in("margin._contingency_up", lambda *_: v["contingency"])
    return v


def _market(p: Proof, v: dict[str, Value]) -> dict[str, Value]:
    word = p.unsigned("word", like=0)
    return {
        "instrument": word,
        "mark": v["mark"],
        "skew": p.var("skew", -(2**104), 2**104, like=0),
        "room": v["room"],
        "risk": word,
        "limits": word,
        "trade": word,
        "max_premium": p.var("max_premium", 0, 2**20 - 1, like=5_000),
        "half_spread": p.var("half_spread", 0, 2**20 - 1, like=300),
    }


def _size(p: Proof) -> dict[str, Any]:
    v: dict[str, Any] = _terms(p)
    v |= {
        "held": p.var("held", 1, 2**104, like=10 * WAD),
        "equity": p.var("equity", -(2**127), 2**127, like=15_000 * WAD),
        "maintenance": p.var("maintenance", 1, 2**127, like=18_100 * WAD),
        "cost": p.var("cost", -(2**127), 2**127, like=200 * WAD),
        "penalty": p.var("penalty", 0, 2**20 - 1, like=7_500),
        "room": p.var("room", 0, 2**105, like=100 * WAD),
        "mark": p.var("mark", 1, 2**90, like=60_000 * WAD),
    }
    p.assume(v["equity"].term < v["maintenance"].term)
    market = _market(p, v)
    # what _size reckons on its way, for the lemma to speak of
    log: list[tuple[str, tuple[Value, ...], Value]] = []
    for name, up in (("_mul_div_up", True), ("_mul_div_down", False)):
        inner = p._divider(up, True)

        def spy(*arguments: Value, name: str = name, inner: Any = inner) -> Value:
            value = inner(*arguments)
            log.append((name, arguments, value))
            return value

        p.stand_in(f"rounding.{name}", spy)
    arguments = [v[k] for k in ("held", "equity", "maintenance", "cost", "penalty", "room")]
    size, whole, restores, reason = p.call("slices._size", *arguments, market)
    return v | {
        "size": size.term,
        "whole": whole.term,
        "restores": restores.term,
        "reason": reason.term,
        "log": log,
    }


@lemma(
    "liquidation/slices.vy: _size",
    Edit(
        "slices",
        "_size",
        "rounding._mul_div_down(held - size, mark, WAD)",
        "rounding._mul_div_up(size, mark, WAD)",
    ),
)
def a_slice_leaves_nothing_or_the_minimum(p: Proof) -> None:
    """0 <= size <= held; it is all exactly if it says so; else the rest is worth at least the
    minimum notional; nothing is taken only with a reason."""
    v = _size(p)
    size, held = v["size"], v["held"].term
    rest = (held - size) * v["mark"].term
    p.show(
        size <= held,
        size >= 0,
        v["whole"] == (size == held),
        z3.Implies(z3.And(size != 0, z3.Not(v["whole"])), rest >= v["least"].term * WAD),
        z3.Implies(v["reason"] != 0, size == 0),
    )


@lemma(
    "liquidation/slices.vy: _size",
    Edit("slices", "_size", "size = room", "size = held"),
)
def a_slice_takes_the_room_and_less_than_a_minimum(p: Proof) -> None:
    """size <= room, or the account's rest beyond the room is worth less than the minimum
    notional."""
    v = _size(p)
    beyond = (v["held"].term - v["room"].term) * v["mark"].term
    p.show(
        v["size"] <= v["held"].term,
        z3.Or(v["size"] <= v["room"].term, beyond < v["least"].term * WAD),
    )


def _restoring(p: Proof) -> dict[str, Any]:
    """The formula's parts, found in the order in which _size divides."""
    v = _size(p)
    value = [entry[2].term for entry in v["log"]]
    # notional; kept; notional up, in the contingency; relief's two; missing's one; then the size
    v |= {
        "notional": value[0],
        "kept": value[1] - 1 + v["contingency"].term,
        "refunded": value[3],
        "fine": value[4],
        "target": value[5],
    }
    v["relief"] = v["refunded"] - v["cost"].term - v["fine"]
    v["missing"] = v["target"] - v["equity"].term
    return v


@lemma(
    "liquidation/slices.vy: _size",
    Edit(
        "slices",
        "_size",
        "max(rounding._mul_div_up(held, missing, relief), rounding._mul_div_up(least, WAD, mark))",
        "rounding._mul_div_down(held, missing, relief)",
    ),
    bug_at={"held": 10 * WAD, "mark": 60_000 * WAD},
)
def a_restoring_slice_is_at_least_the_formula(p: Proof) -> None:
    """If it says that it restores and is not the whole: size * (relief of the whole leg) >=
    held * (what is missing), with relief > what is missing."""
    v = _restoring(p)
    part = z3.And(v["restores"], z3.Not(v["whole"]), v["missing"] > 0)
    p.show(
        z3.Implies(part, v["relief"] > v["missing"]),
        z3.Implies(part, v["size"] * v["relief"] >= v["held"].term * v["missing"]),
    )


@lemma(
    "liquidation/slices.vy: _size",
    Edit("slices", "_size", "PPM + terms._buffer(market.limits)", "PPM"),
    bug_at={"buffer": 50_000},
)
def relief_and_missing_are_those_of_the_text(p: Proof) -> None:
    """relief <= kept (1 + b) - cost - fine and missing >= M (1 + b) - E: both rounded against the
    account being called restored."""
    v = _restoring(p)
    buffer = PPM + v["buffer"].term
    p.show(
        (v["relief"] + v["cost"].term + v["fine"]) * PPM <= v["kept"] * buffer,
        (v["missing"] + v["equity"].term) * PPM >= v["maintenance"].term * buffer,
        v["fine"] * PPM >= v["notional"] * v["penalty"].term,
    )


@lemma(
    "liquidation/slices.vy: _size, the algebra of its docstring",
    "the size is that of half of what is missing",
    "any real numbers",
)
def such_a_slice_restores_maintenance_and_buffer(p: Proof) -> None:
    """E - t (cost + fine) >= (M - t kept)(1 + b) for t = size / held: E' >= M' (1 + b), without a
    rounding left over."""
    p.reals()
    held, size = p.var("held", 1, like=10), p.var("size", 1, like=5)
    equity, maintenance = p.var("equity", like=100), p.var("maintenance", 1, like=110)
    kept, cost, fine = p.var("kept", like=60), p.var("cost", like=1), p.var("fine", 0, like=1)
    relief, missing = p.var("relief", like=60), p.var("missing", like=16)
    buffer = p.var("buffer", PPM, like=1_050_000).term
    p.assume((relief.term + cost.term + fine.term) * PPM <= kept.term * buffer)
    p.assume((missing.term + equity.term) * PPM >= maintenance.term * buffer)
    factor = 2 if p.broken else 1
    p.assume(factor * size.term * relief.term >= held.term * missing.term)
    p.show(
        size.term * (relief.term + cost.term + fine.term) * PPM <= size.term * kept.term * buffer,
        held.term * (missing.term + equity.term) * PPM >= held.term * maintenance.term * buffer,
        PPM * (held.term * equity.term - size.term * (cost.term + fine.term))
        >= buffer * (held.term * maintenance.term - size.term * kept.term),
    )


def _of(p: Proof) -> dict[str, Any]:
    p.exact_division()
    v: dict[str, Any] = _terms(p)
    v |= {
        "held": p.var("held", -(2**104), 2**104, like=10 * WAD),
        "equity": p.var("equity", -(2**127), 2**127, like=15_000 * WAD),
        "maintenance": p.var("maintenance", 1, 2**127, like=18_100 * WAD),
        "gross": p.var("gross", 1, 2**127, like=600_000 * WAD),
        "room": p.var("room", 0, 2**105, like=100 * WAD),
        "mark": p.var("mark", 1, 2**90, like=60_000 * WAD),
        "taken": p.var("taken", 0, 2**104, like=WAD),
        "closing": p.var("closing", -(2**126), 2**126, like=20 * WAD),
    }
    p.assume(v["held"].term != 0)
    flag = {"restores": p.var("restores", 0, 1, like=1), "whole": p.var("is_whole", 0, 1, like=0)}
    price = p.var("price", 1, 2**91, like=59_980 * WAD)
    p.stand_in("slices._quote", lambda *_: price)
    p.stand_in("slices._cost_up", lambda *_: v["closing"])
    p.stand_in("slices._least_reward", lambda *_: p.reading.literal(0, "int256"))
    one = {name: Value(flag[name].term == 1, "bool", 0, 1) for name in flag}
    reason = Value(z3.IntVal(0), UNSIGNED, 0, 0)
    p.stand_in("slices._size", lambda *_: (v["taken"], one["whole"], one["restores"], reason))
    divided: list[Value] = []
    inner = p._divider(False, True)

    def spy(*arguments: Value) -> Value:
        value = inner(*arguments)
        if not divided:
            # what is closed is part of the account's notional
            p.assume(value.term <= v["gross"].term)
            value = Value(value.term, value.kind, 0, 2**127)
        divided.append(value)
        return value

    p.stand_in("rounding._mul_div_down", spy)
    keys = ("held", "equity", "maintenance", "gross")
    slice_ = p.call("slices._of", *[v[key] for key in keys], _market(p, v))
    return v | {
        "penalty": slice_["penalty"].term,
        "size": slice_["size"].term,
        "closed": divided[0].term,
    }


@lemma(
    "liquidation/slices.vy: _of",
    Edit("slices", "_of", "equity, closed, gross) - cost", "equity, closed, gross) + cost"),
)
def a_penalty_never_lowers_equity_over_notional(p: Proof) -> None:
    """A penalty above zero leaves (E - cost - penalty) N >= E (N - n), and room for four more
    wei; it never makes a deficit; without equity there is none; it is at most its rate."""
    v = _of(p)
    e, n, closed = v["equity"].term, v["gross"].term, v["closed"]
    fined = v["penalty"] > 0
    left = e - v["closing"].term - v["penalty"]
    p.show(
        v["penalty"] >= 0,
        z3.Implies(e <= 0, v["penalty"] == 0),
        v["penalty"] * PPM <= z3.If(fined, closed * v["penalty_cap"].term, 0),
        z3.Implies(fined, (v["closing"].term + v["penalty"] + 4) * n <= e * closed),
        z3.Implies(fined, (left - 4) * n >= e * (n - closed)),
        z3.Implies(fined, e * (n - closed) >= 0),
        z3.Implies(fined, left * n >= 0),
        z3.Implies(fined, left >= 0),
    )
