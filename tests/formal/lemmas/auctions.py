"""contracts/liquidation/auctions.vy, and what Liquidator.vy does with an auction."""

from typing import Any

import z3

from tests.formal.proof import Proof, lemma
from tests.formal.translate import Edit, Integers, Value

WAD = 10**18
PPM = 10**6
LIVES = 4


def _clock(p: Proof) -> dict[str, Any]:
    reading = p.reading
    assert isinstance(reading, Integers)
    v: dict[str, Any] = {
        "t2": p.unsigned("t2", 60, 3600, like=600),
        "now": p.unsigned("now", 0, 2**40 - 1, like=1300),
        "opened": p.unsigned("opened", 0, 2**40 - 1, like=1000),
        "start": p.unsigned("start", 0, 2**20 - 1, like=3000),
        "rewarded": p.unsigned("rewarded", 0, 2**40 - 1, like=990),
    }
    p.assume(v["opened"].term <= v["now"].term)
    v["word"] = reading.packed([(0, v["rewarded"]), (40, v["opened"]), (80, v["start"])])
    p.state(T2=v["t2"], **{"block.timestamp": v["now"]})
    return v


@lemma(
    "liquidation/auctions.vy: _discount",
    Edit(
        "auctions",
        "_discount",
        "block.timestamp - self._opened(word), T2",
        "block.timestamp - self._opened(word), 2 * T2",
    ),
    bug_at={"now": 4600, "opened": 1000, "t2": 60},
)
def a_discount_stays_below_its_limit(p: Proof) -> None:
    """min(start, limit) <= discount <= limit, and it is the limit from T2 on."""
    v = _clock(p)
    limit = p.unsigned("limit", 0, 2**21, like=20_000)
    discount = p.call("auctions._discount", v["word"], limit).term
    least = z3.If(v["start"].term < limit.term, v["start"].term, limit.term)
    p.show(
        discount >= least,
        discount <= limit.term,
        z3.Implies(v["now"].term >= v["opened"].term + v["t2"].term, discount == limit.term),
    )


@lemma(
    "liquidation/auctions.vy: _discount",
    Edit("auctions", "_discount", "start + (limit", "start + T2 - elapsed + (limit"),
    bug_at={"now": 1001, "later": 1002, "opened": 1000},
)
def a_discount_never_falls(p: Proof) -> None:
    """Later is never less."""
    v = _clock(p)
    later = p.unsigned("later", 0, 2**40 - 1, like=1400)
    p.assume(later.term >= v["now"].term)
    limit = p.unsigned("limit", 0, 2**21, like=20_000)
    first = p.call("auctions._discount", v["word"], limit).term
    p.state(**{"block.timestamp": later})
    second = p.call("auctions._discount", v["word"], limit).term
    p.show(second >= first)


@lemma(
    "liquidation/auctions.vy: _has_failed",
    Edit("auctions", "_runs", "opened + LIVES * T2", "opened + T2"),
)
def an_auction_has_failed_from_t2_to_four_t2(p: Proof) -> None:
    """Takeover and deleveraging are open exactly from T2 to 4 T2 after an auction was opened."""
    v = _clock(p)
    failed = p.call("auctions._has_failed", v["word"]).term
    elapsed = v["now"].term - v["opened"].term
    t2 = v["t2"].term
    p.show(failed == z3.And(v["opened"].term != 0, elapsed >= t2, elapsed <= LIVES * t2))


@lemma(
    "liquidation/auctions.vy: _open, _note",
    Edit("auctions", "_note", "(word >> 40 << 40)", "(word >> 80 << 80)"),
)
def a_reward_sets_no_auction_back(p: Proof) -> None:
    """_note keeps the time of opening and the first discount unless the account is restored, and
    then clears both; _open writes both and keeps the time of the last reward."""
    p.bits()
    word = p.unsigned("word", 0, 2**100 - 1, like=(5 << 80) | (1000 << 40) | 990)
    now = p.unsigned("now", 1, 2**40 - 1, like=1300)
    start = p.unsigned("start", 0, PPM, like=3000)
    flags = [Value(z3.Bool(name), "bool", 0, 1) for name in ("rewarded", "restored")]
    p.state(**{"block.timestamp": now, "words[account]": word})
    account = p.unsigned("account", like=1)
    ended = p.call("auctions._note", account, *flags).term
    after = p.written["words[account]"].term
    rewarded, restored = (flag.term for flag in flags)
    above = z3.LShR(after, 40)
    p.show(
        z3.Implies(z3.Not(restored), above == z3.LShR(word.term, 40)),
        z3.Implies(restored, above == 0),
        ended == z3.And(restored, z3.LShR(word.term, 40) != 0),
        z3.Extract(39, 0, after)
        == z3.If(rewarded, z3.Extract(39, 0, now.term), z3.Extract(39, 0, word.term)),
    )
    p.call("auctions._open", account, start)
    opened = p.written["words[account]"].term
    p.show(
        z3.Extract(39, 0, opened) == z3.Extract(39, 0, word.term),
        z3.Extract(79, 40, opened) == z3.Extract(39, 0, now.term),
        z3.LShR(opened, 80) == start.term,
    )


def _lot(p: Proof) -> dict[str, Any]:
    p.exact_division()
    v: dict[str, Any] = {
        "equity": p.var("equity", -(2**127), 2**127, like=15_000 * WAD),
        "maintenance": p.var("maintenance", 1, 2**127, like=18_100 * WAD),
        "notional": p.var("notional", 1, 2**127, like=600_000 * WAD),
        "buffer": p.var("buffer", 0, 2**20 - 1, like=50_000),
        "least": p.var("least", 0, 2**48 * 10**12, like=10 * WAD),
        "cost": p.var("cost", -(2**127), 2**127, like=200 * WAD),
        "most": p.unsigned("most", like=2**120),
    }
    p.assume(v["equity"].term < v["maintenance"].term)
    divided: list[Value] = []
    inner = p._divider(True, True)

    def spy(*arguments: Value) -> Value:
        divided.append(inner(*arguments))
        return divided[-1]

    p.stand_in("rounding._mul_div_up", spy)
    lot = {name: v[name] for name in ("equity", "maintenance", "notional", "buffer", "least")}
    fraction, restores = p.call("Liquidator._fraction", lot, v["cost"], v["most"])
    return v | {"fraction": fraction.term, "restores": restores.term, "target": divided[0].term}


@lemma(
    "liquidation/Liquidator.vy: _fraction",
    Edit(
        "Liquidator",
        "_fraction",
        "needed = rounding._mul_div_up(WAD, missing, relief)",
        "needed = rounding._mul_div_down(WAD, missing, relief + relief)",
    ),
)
def an_auctioned_fraction_restores(p: Proof) -> None:
    """0 <= f <= 1. If it says that it restores and f < 1: f (T - cost) >= T - E for
    T >= M (1 + b), so that E - f cost >= T (1 - f): E' >= M' (1 + b)."""
    v = _lot(p)
    f, target = v["fraction"], v["target"]
    part = z3.And(v["restores"], f < WAD)
    p.show(
        target * PPM >= v["maintenance"].term * (PPM + v["buffer"].term),
        target >= v["maintenance"].term,
        f <= WAD,
        f >= 0,
        z3.Implies(part, f * (target - v["cost"].term) >= WAD * (target - v["equity"].term)),
        z3.Implies(part, WAD * v["equity"].term - f * v["cost"].term >= target * (WAD - f)),
    )


@lemma(
    "liquidation/Liquidator.vy: _part",
    Edit("Liquidator", "_part", "held - part, leg.mark", "part, leg.mark"),
)
def a_part_of_a_leg_leaves_nothing_or_the_minimum(p: Proof) -> None:
    """At most the leg, toward zero, never flipped; the rest is nothing or worth the minimum."""
    p.exact_division()
    size = p.var("size", -(2**103), 2**103, like=-3 * WAD)
    mark = p.var("mark", 1, 2**90, like=60_000 * WAD)
    least = p.var("least", 0, 2**48 * 10**12, like=10 * WAD)
    fraction = p.var("fraction", 0, WAD, like=WAD // 3)
    part = p.call("Liquidator._part", {"size": size, "mark": mark, "least": least}, fraction).term
    held, rest = size.term, size.term + part
    long = held > 0
    p.show(
        z3.Implies(long, z3.And(part <= 0, rest >= 0)),
        z3.Implies(z3.Not(long), z3.And(part >= 0, rest <= 0)),
        z3.Or(rest == 0, z3.If(long, rest, -rest) * mark.term >= least.term * WAD),
    )


@lemma(
    "liquidation/Liquidator.vy: _vault_takes",
    Edit("Liquidator", "_vault_takes", "after <= abs(market.skew)", "after >= abs(market.skew)"),
)
def a_takeover_keeps_the_vault_within_its_cap(p: Proof) -> None:
    """|skew after| <= |skew before|, or <= the scaled hard cap while the vault covers its
    stress."""
    skew = p.var("skew", -(2**104), 2**104, like=30 * WAD)
    size = p.var("size", -(2**104), 2**104, like=WAD)
    cap = p.var("cap", 0, 2**64 * 10**12, like=100 * WAD)
    covers = Value(z3.Bool("covers"), "bool", 0, 1)
    word = p.unsigned("word", like=0)
    p.stand_in("terms._hard_cap", lambda _word: cap)
    p.stand_in("market_words._scaled_down", lambda _word, scaled: scaled)
    p.state(**{"external interest_word": word, "external covers_stress": (covers, word)})
    market = {"skew": skew, "instrument": word, "trade": word}
    takes = p.call("Liquidator._vault_takes", market, size).term
    before = z3.If(skew.term < 0, -skew.term, skew.term)
    total = skew.term + size.term
    after = z3.If(total < 0, -total, total)
    within = z3.And(after <= cap.term, covers.term)
    p.show(z3.Implies(takes, z3.Or(after <= before, within)))


@lemma(
    "liquidation/Liquidator.vy: bid, its price",
    "the cut is rounded away from the mark, and the limit is not a millionth lower",
    "sizes to 2^103, marks to 2^90",
)
def an_auction_costs_at_most_the_cores_limit(p: Proof) -> None:
    """With cut = floor(mark d / 1e6) and d <= maxCost - 1 a bid costs the account
    size * cut <= maxCost * size * mark: what the core allows, with a millionth to spare."""
    size = p.var("size", 1, 2**103, like=WAD).term
    mark = p.var("mark", 1, 2**90, like=60_000 * WAD)
    most = p.var("most", 1, 2**20 - 1, like=20_000)
    discount = p.var("discount", 0, 2**20 - 1, like=19_999)
    p.assume(discount.term <= most.term - (0 if p.broken else 1))
    cut = p.ceiling(
        p.reading.arithmetic("Mult", mark, discount, False),
        p.reading.literal(PPM, "int256"),
        p.broken,
    ).term
    p.show(
        cut * PPM <= mark.term * discount.term,
        size * cut * PPM <= size * mark.term * discount.term,
        size * cut * PPM <= size * mark.term * (most.term - 1),
    )
