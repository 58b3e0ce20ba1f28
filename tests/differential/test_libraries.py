"""The libraries' bytecode against the specification, on corners and at random.

Every argument is drawn from the domain that the ledger's words allow, with weight on its corners;
what the specification answers, the bytecode must answer, and where the specification overflows the
bytecode must revert. Seeded: a failure names its arguments.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tidegate.artifacts import artifacts
from tidegate.chain import Contract
from tidegate.client.errors import ProtocolError
from tidegate.revm_chain import RevmChain
from tidegate.spec import funding, margin, quote, rounding, words

CASES = 3000
MOCKS = ("FundingMock", "MarginMock", "QuoteMock", "RoundingMock", "TermsMock", "WordsMock")
Draw = Callable[[random.Random], int]


@pytest.fixture(scope="module")
def mocks() -> dict[str, Contract]:
    chain = RevmChain()
    compiled = artifacts(MOCKS)
    return {name: chain.deploy(compiled[name]) for name in MOCKS}


def between(low: int, high: int) -> Draw:
    """Corners, small numbers and every magnitude alike."""

    def draw(rng: random.Random) -> int:
        kind = rng.randrange(4)
        if kind == 0:
            value = rng.choice([low, high, low + 1, high - 1, 0, 1, -1])
        elif kind == 1:
            value = rng.randint(low, high)
        else:
            sign = -1 if low < 0 and rng.random() < 0.5 else 1
            value = sign * rng.getrandbits(rng.randint(1, max(abs(low), abs(high)).bit_length()))
        return min(high, max(low, value))

    return draw


def signed(bits: int) -> Draw:
    return between(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def unsigned(bits: int) -> Draw:
    return between(0, 2**bits - 1)


SIZE = signed(104)
SKEW = between(-(2**104) + 1, 2**104 - 1)
MARK = between(1, 2**90)
PRICE = unsigned(90)
INDEX = between(-words.MAX_INDEX, words.MAX_INDEX)
SCALE: Draw = lambda rng: max(1, unsigned(64)(rng)) * words.MICRO  # noqa: E731
SHARE = unsigned(20)
WIDE = between(-(2**255) + 1, 2**255 - 1)


def risk(rng: random.Random) -> words.Risk:
    values = [unsigned(field.width)(rng) for field in words.Risk.LAYOUT.values()]
    record = dict(zip(words.Risk.LAYOUT, values, strict=True))
    record["half_life"] = max(1, record["half_life"])
    record["scale"] = max(1, record["scale"])
    record["max_rate"] %= 9 * 10**6  # a rate is int54; the Configurator allows 10**6
    return words.Risk(**record)


def cases(seed: str, *draws: Callable[[random.Random], Any]) -> Iterator[tuple]:
    rng = random.Random(seed)
    for _ in range(CASES):
        yield tuple(draw(rng) for draw in draws)


def packed(args: tuple) -> tuple:
    return tuple(arg.pack() if isinstance(arg, words.Word) else arg for arg in args)


def agree(
    contract: Contract, name: str, expected: Callable[..., Any], *draws: Callable[..., Any]
) -> None:
    """The function answers what the specification answers, or both refuse."""
    for args in cases(name, *draws):
        try:
            answer = expected(*args)
            answer = packed(answer) if isinstance(answer, tuple) else packed((answer,))[0]
        except OverflowError:
            with pytest.raises(ProtocolError):
                contract.call(name, *packed(args))
            continue
        assert contract.call(name, *packed(args)) == answer, args


@pytest.mark.parametrize("name", ["div_up", "div_down"])
def test_rounding(mocks: dict[str, Contract], name: str) -> None:
    agree(mocks["RoundingMock"], name, getattr(rounding, name), WIDE, between(1, 2**255 - 1))


@pytest.mark.parametrize("name", ["div_up", "div_down"])
def test_rounding_of_a_product(mocks: dict[str, Contract], name: str) -> None:
    agree(
        mocks["RoundingMock"],
        f"mul_{name}",
        lambda a, b, d: getattr(rounding, name)(a * b, d),
        signed(128),
        signed(128),
        between(1, 2**255 - 1),
    )


def test_funding(mocks: dict[str, Contract]) -> None:
    mock = mocks["FundingMock"]
    elapsed = unsigned(32)
    agree(mock, "halved", funding.halved, signed(56), elapsed, between(1, 2**20 - 1))
    agree(mock, "path", funding.path, SKEW, risk, signed(56), elapsed)
    agree(mock, "due_up", funding.due_up, SIZE, INDEX, INDEX)
    agree(
        mock,
        "accrued",
        funding.accrued,
        lambda rng: words.Indices(INDEX(rng), INDEX(rng)),
        lambda rng: words.Interest(*(unsigned(w)(rng) for w in (16, 32, 104, 104))),
        lambda rng: words.Carry(signed(112)(rng), signed(54)(rng), PRICE(rng)),
        risk,
        PRICE,
        elapsed,
    )


def test_margin(mocks: dict[str, Contract]) -> None:
    mock = mocks["MarginMock"]
    agree(mock, "notional_up", margin.notional_up, SIZE, MARK)
    agree(mock, "contingency_up", margin.contingency_up, SIZE, MARK, risk)
    agree(mock, "shock_up", margin.shock_up, between(-(2**198), 2**198), SHARE)
    side = unsigned(104)

    def trade(rng: random.Random) -> words.Trade:
        return words.Trade(*(unsigned(f.width)(rng) for f in words.Trade.LAYOUT.values()))

    agree(mock, "crowding_up", margin.crowding_up, unsigned(135), side, side, trade)


def test_quote(mocks: dict[str, Contract]) -> None:
    mock = mocks["QuoteMock"]
    agree(mock, "potential_numerator", quote.potential_numerator, SKEW, SCALE, SHARE)
    agree(mock, "potential_up", quote.potential_up, SKEW, SCALE, SHARE, MARK)
    size: Draw = lambda rng: SIZE(rng) or 1  # noqa: E731
    agree(mock, "price", quote.price, size, SKEW, MARK, SCALE, SHARE, SHARE)


def test_unpacking(mocks: dict[str, Contract]) -> None:
    """Any 256 bits read the same on both sides."""
    mock, terms = mocks["WordsMock"], mocks["TermsMock"]
    any_word = unsigned(256)

    def fields(kind: type[words.Word], *names: str) -> Callable[[int], tuple]:
        return lambda word: tuple(getattr(kind.unpack(word), name) for name in names)

    agree(mock, "cash", fields(words.Cash, "cash", "principal", "flags"), any_word)
    agree(mock, "position", fields(words.Position, "size", "checkpoint"), any_word)
    agree(mock, "indices", fields(words.Indices, "long", "short"), any_word)
    agree(
        mock,
        "interest",
        fields(words.Interest, "long_side", "short_side", "skew", "time", "scale"),
        any_word,
    )
    agree(mock, "carry", fields(words.Carry, "pot", "rate", "price"), any_word)
    risk_fields = ["calm_skew", "half_life", "max_rate", "max_velocity", "skew_scale"]
    risk_fields += ["size_slope", "contingency", "maintenance_shock", "initial_shock"]
    for (word,) in cases("terms", any_word):
        record = words.Risk.unpack(word)
        read, asset = terms.call("risk", word)
        assert (list(read), asset) == (
            [getattr(record, f) for f in risk_fields],
            record.settle_asset,
        )
        trade = words.Trade.unpack(word)
        assert list(terms.call("trade", word)) == [
            trade.hard_cap,
            trade.soft_cap,
            trade.minimum_notional,
            trade.crowding,
            trade.band,
            trade.insurance_share,
            trade.taker_fee,
        ]
        limits = words.Limits.unpack(word)
        assert list(terms.call("limits", word)) == [
            limits.keeper_reward,
            limits.stress,
            limits.buffer,
            limits.max_cost,
            limits.penalty,
            limits.max_half_spread,
            limits.max_premium,
        ]


def test_asset_word(mocks: dict[str, Contract]) -> None:
    for token, decimals, window, share, escrow in cases(
        "asset", unsigned(160), between(0, 18), unsigned(24), SHARE, unsigned(40)
    ):
        record = words.Asset(escrow, share, window, decimals, token)
        read = mocks["WordsMock"].call("asset", record.pack())
        assert int(read[0], 16) == token
        assert tuple(read[1:]) == (record.one, window, share, record.escrow_cap)


def test_packing(mocks: dict[str, Contract]) -> None:
    """Fields a little too wide revert, as the specification overflows."""
    mock = mocks["WordsMock"]

    def plus_principal(word: int, change: int) -> int:
        record = words.Cash.unpack(word)
        return replace(record, principal=record.principal + change).pack()

    agree(mock, "plus_principal", plus_principal, unsigned(256), signed(121))

    def plus(word: int, change: int) -> int:
        record = words.Cash.unpack(word)
        return words.Cash(record.cash + change, record.principal, record.flags | words.ALIVE).pack()

    agree(mock, "plus", plus, unsigned(256), signed(129))
    agree(
        mock,
        "pack_position",
        lambda s, c, e: words.Position(s, c, e).pack(),
        signed(105),
        INDEX,
        unsigned(24),
    )
    agree(mock, "pack_indices", lambda a, b: words.Indices(a, b).pack(), INDEX, INDEX)

    def interest(rng: random.Random) -> words.Interest:
        return words.Interest(*(unsigned(w)(rng) for w in (16, 32, 104, 104)))

    def side_with(rng: random.Random) -> tuple[words.Interest, int, int]:
        """A position is part of its side; the hard cap keeps sides within their width."""
        size, change, rest = signed(102)(rng), signed(102)(rng), unsigned(103)
        time, scale = unsigned(32)(rng), unsigned(16)(rng)
        sides = max(-size, 0) + rest(rng), max(size, 0) + rest(rng)
        return words.Interest(scale, time, *sides), size, change

    for ((market, size, change),) in cases("moved", side_with):
        moved = mock.call("moved", market.pack(), size, change)
        assert moved == market.moved(size, change).pack(), (market, size, change)

    def near_side(rng: random.Random) -> tuple[words.Interest, int, int]:
        """A position that may hold a little more than its side, and mostly closes."""
        market, size, _ = side_with(rng)
        crumbs = rng.choice((0, 1, 5))
        market = replace(
            market,
            long_side=max(0, size - crumbs) if size > 0 else rng.choice((0, market.long_side)),
            short_side=max(0, -size - crumbs) if size < 0 else rng.choice((0, market.short_side)),
        )
        return market, size, -size * rng.choice((1, 1, 2)) // rng.choice((1, 1, 2))

    lacking = 0
    for ((market, size, change),) in cases("moved_floored", near_side):
        floored, lack = market.moved(size, change).floored()
        lacking += lack != 0
        got = tuple(mock.call("moved_floored", market.pack(), size, change))
        assert got == (floored.pack(), lack), (market, size, change)
    assert lacking
    cap: Draw = lambda rng: unsigned(64)(rng) * words.MICRO  # noqa: E731
    agree(mock, "scaled_down", words.Interest.scaled_down, interest, cap)

    def carry(rng: random.Random) -> words.Carry:
        return words.Carry(signed(112)(rng), signed(54)(rng), unsigned(90)(rng))

    def paid_in(word: words.Carry, due: int) -> int:
        return replace(word, pot=word.pot + due).pack()

    def restarted(word: words.Carry, rate: int, price: int) -> int:
        return words.Carry(word.pot, rate, price).pack()

    agree(mock, "paid_in", paid_in, carry, signed(113))
    agree(mock, "restarted", restarted, carry, signed(54), unsigned(90))


def test_account_word(mocks: dict[str, Contract]) -> None:
    mock = mocks["WordsMock"]
    rng = random.Random("account word")
    held: set[int] = set()
    assets = 0
    for _ in range(CASES):
        assets |= 1 << rng.randrange(16)
        word = words.account_word(list(held), assets)
        instrument = rng.randint(1, 2**16 - 1) if rng.random() < 0.6 else rng.choice([1, 65535])
        if held and rng.random() < 0.45:
            instrument = rng.choice(sorted(held))
        if instrument in held:
            held.remove(instrument)
            assert mock.call("remove", word, instrument) == words.account_word(list(held), assets)
        elif len(held) == words.POSITIONS:
            with pytest.raises(ProtocolError) as refusal:
                mock.call("insert", word, instrument)
            assert refusal.value.name == "TooManyPositions"
            assert mock.call("remove", word, instrument) == word
            held.clear()
        else:
            assert mock.call("remove", word, instrument) == word
            held.add(instrument)
            assert mock.call("insert", word, instrument) == words.account_word(list(held), assets)
        place = rng.randrange(15)
        full = [*sorted(held), *[0] * 15]
        word = words.account_word(list(held), assets)
        assert mock.call("instrument", word, place) == full[place]
