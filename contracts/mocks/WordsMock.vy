# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Packed words of the ledger, exposed
@license AGPL-3.0-only
@notice Exposes the library to tests.
@custom:kill Holds nothing and is never deployed.
"""

from ..libraries import account_word
from ..libraries import asset_word
from ..libraries import cash_word
from ..libraries import market_words
from ..libraries import position_word


@pure
@external
def instrument(word: uint256, place: uint256) -> uint256:
    return account_word._instrument(word, place)


@pure
@external
def insert(word: uint256, instrument: uint256) -> uint256:
    return account_word._insert(word, instrument)


@pure
@external
def remove(word: uint256, instrument: uint256) -> uint256:
    return account_word._remove(word, instrument)


@pure
@external
def asset(word: uint256) -> (address, uint256, uint256, uint256, uint256):
    return (
        asset_word._token(word),
        asset_word._unit(word),
        asset_word._outflow_window(word),
        asset_word._outflow_share(word),
        asset_word._escrow_cap(word),
    )


@pure
@external
def cash(word: uint256) -> (int256, uint256, uint256):
    return cash_word._cash(word), cash_word._principal(word), word & 255


@pure
@external
def plus_principal(word: uint256, change: int256) -> uint256:
    return cash_word._plus_principal(word, change)


@pure
@external
def plus(word: uint256, change: int256) -> uint256:
    return cash_word._plus(word, change)


@pure
@external
def position(word: uint256) -> (int256, int256):
    return position_word._size(word), position_word._checkpoint(word)


@pure
@external
def pack_position(size: int256, checkpoint: int256, epoch: uint256) -> uint256:
    return position_word._pack(size, checkpoint, epoch)


@pure
@external
def indices(word: uint256) -> (int256, int256):
    return market_words._long_index(word), market_words._short_index(word)


@pure
@external
def pack_indices(long_index: int256, short_index: int256) -> uint256:
    return market_words._pack_indices(long_index, short_index)


@pure
@external
def interest(word: uint256) -> (int256, int256, int256, uint256, uint256):
    return (
        market_words._long_side(word),
        market_words._short_side(word),
        market_words._skew(word),
        market_words._time(word),
        market_words._scale(word),
    )


@pure
@external
def moved(interest: uint256, size: int256, change: int256) -> uint256:
    return market_words._moved(interest, size, change)


@pure
@external
def moved_floored(interest: uint256, size: int256, change: int256) -> (uint256, int256):
    return market_words._moved_floored(interest, size, change)


@pure
@external
def scaled_down(interest: uint256, cap: int256) -> int256:
    return market_words._scaled_down(interest, cap)


@pure
@external
def carry(word: uint256) -> (int256, int256, uint256):
    return market_words._pot(word), market_words._rate(word), market_words._price(word)


@pure
@external
def paid_in(carry: uint256, due: int256) -> uint256:
    return market_words._paid_in(carry, due)


@pure
@external
def restarted(carry: uint256, rate: int256, price: uint256) -> uint256:
    return market_words._restarted(carry, rate, price)
