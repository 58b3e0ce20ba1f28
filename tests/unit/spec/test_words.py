"""Packed words: every field survives, none leaks into another, people's numbers are exact."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.spec import words
from tidegate.spec.words import (
    Asset,
    Carry,
    Cash,
    Indices,
    Interest,
    Limits,
    Position,
    Risk,
    Trade,
    Word,
)

ALL = [Asset, Carry, Cash, Indices, Interest, Limits, Position, Risk, Trade]


@st.composite
def records(draw: st.DrawFn) -> Word:
    kind = draw(st.sampled_from(ALL))
    values = []
    for field in kind.LAYOUT.values():
        low, high = 0, 2**field.width - 1
        if field.signed:
            low, high = -(2 ** (field.width - 1)), 2 ** (field.width - 1) - 1
        values.append(draw(st.integers(low, high) | st.sampled_from([low, high])))
    return kind(*values)


@given(records())
def test_unpack_inverts_pack(record: Word) -> None:
    assert type(record).unpack(record.pack()) == record


@given(records())
def test_human_inverts_decimals(record: Word) -> None:
    if type(record) is not Interest:  # its scale counts 65535ths, no finite decimal
        assert type(record).human(**record.decimals()) == record


@pytest.mark.parametrize("kind", ALL)
def test_fields_are_disjoint_and_in_order_of_the_record(kind: type[Word]) -> None:
    used = 0
    for field in kind.LAYOUT.values():
        mask = ((1 << field.width) - 1) << field.at
        assert used & mask == 0
        assert mask < 2**256
        used |= mask
    assert [f.name for f in kind.__dataclass_fields__.values() if f.name != "LAYOUT"] == list(
        kind.LAYOUT
    )


@pytest.mark.parametrize(
    "record",
    [
        Cash(cash=2**127),
        Cash(cash=-(2**127) - 1),
        Cash(principal=2**120),
        Position(size=2**103),
        Interest(long_side=-1),
        Carry(pot=2**111),
        Risk(half_life=2**20),
    ],
)
def test_too_wide_overflows(record: Word) -> None:
    with pytest.raises(OverflowError):
        record.pack()


def test_pack_by_hand() -> None:
    assert Cash(-1, 5, 1).pack() == (2**128 - 1 << 128) | 5 << 8 | 1
    assert Position(-2, -1, 1).pack() == (2**104 - 2 << 152) | (2**128 - 1 << 24) | 1
    assert Interest(65535, 3, 2, 1).pack() == 65535 << 240 | 3 << 208 | 2 << 104 | 1
    assert (
        Risk.human(kind=1, initial_shock="0.05", scale=1000).pack() == 10**9 << 88 | 50000 << 8 | 1
    )


def test_human_refuses_what_the_field_cannot_hold() -> None:
    with pytest.raises(ValueError, match="finer"):
        Risk.human(initial_shock="0.0000001")
    with pytest.raises(OverflowError):
        Trade.human(band=2)
    with pytest.raises(TypeError):
        Trade.human(band=0.01)
    with pytest.raises(TypeError):
        Trade.human(bend="0.01")


def test_decimals_by_hand() -> None:
    trade = Trade.human(hard=5, soft="2.5", minimum=100, taker_fee="0.0005")
    assert (trade.hard_cap, trade.soft_cap) == (5 * 10**18, 25 * 10**17)
    assert trade.minimum_notional == 100 * 10**18
    assert trade.decimals()["taker_fee"] == Decimal("0.0005")
    assert Limits.human(reward=5).keeper_reward == 5 * 10**18
    asset = Asset.human(escrow="0.5", token_decimals=6)
    assert (asset.escrow_cap, asset.one) == (5 * 10**17, 10**12)


@given(st.sets(st.integers(1, 2**16 - 1), max_size=15), st.integers(0, 2**16 - 1))
def test_account_word(instruments: set[int], assets: int) -> None:
    word = words.account_word(list(instruments), assets)
    assert words.held(word) == sorted(instruments)
    assert word & 0xFFFF == assets


def test_account_word_holds_fifteen() -> None:
    with pytest.raises(OverflowError):
        words.account_word(list(range(1, 17)), 0)


def test_account_ids() -> None:
    owner = 0xABCD << 144
    assert words.account(owner, 7) == owner << 96 | 7
    assert words.account("0x" + "00" * 19 + "01") == 1 << 96
    assert words.owner_of(words.account(owner, 2**96 - 1)) == owner
    assert words.pool(owner, 3) == owner << 96 | 1 << 64 | 3
    assert words.treasury(owner) == owner << 96
    assert words.request_escrow(owner) == owner << 96 | 1
    assert words.insurance(owner, 2) == owner << 96 | 1 << 32 | 2
    assert words.deficits(owner, 2) == owner << 96 | 2 << 32 | 2
    assert words.instrument_id(2, 5) == 133
    assert words.underlying_of(133) == 2
    with pytest.raises(OverflowError):
        words.account(owner, 2**96)
