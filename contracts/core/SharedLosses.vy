# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Shared losses
@license AGPL-3.0-only
@author Tidegate
@notice See ISharedLosses, which has the glossary and the equations. Apart from the clearing house for its bytes alone:
        no market asks here before it has shared a loss.
@custom:kill Nothing to stop: it moves nothing and answers for its callers' books.
"""

from ..interfaces import ISharedLosses
from ..libraries import errors
from ..libraries import loss_word as loss_words  # its getter bears the name
from ..libraries import market_words
from ..libraries import position_word
from ..libraries import rounding

implements: ISharedLosses

WAD: constant(int256) = 10**18

# by clearing house and instrument: the word now; the word when each epoch began; the index at which a generation of a
# side (True: long) ended
losses: HashMap[address, HashMap[uint256, uint256]]
epochs: HashMap[address, HashMap[uint256, HashMap[uint256, uint256]]]
ends: HashMap[address, HashMap[uint256, HashMap[bool, HashMap[uint256, int256]]]]


@external
def share(
    instrument: uint256,
    indices: uint256,
    total: int256,
    closed: int256,
    mark: int256,
) -> (uint256, int256):
    long: bool = total > 0
    errors._require(
        closed != 0 and (closed > 0) == long and abs(closed) <= abs(total),
        errors.BAD_LIQUIDATION,
    )
    word: uint256 = self.losses[msg.sender][instrument]
    scale: int256 = loss_words._scale(word, long)
    left: int256 = 0
    if long:
        left = rounding._mul_div_up(scale, (total - closed), total)
    else:
        left = rounding._mul_div_down(scale, (closed - total), (-total))
    rest: int256 = 0
    ended: bool = left < loss_words.LEAST
    if ended:
        left = 0
        rest = (total - closed)
    paid: int256 = (scale - left) * mark
    long_index: int256 = market_words._long_index(indices)
    short_index: int256 = market_words._short_index(indices)
    index: int256 = 0
    if long:
        long_index -= rounding._div_down(paid, WAD)
        index = long_index
    else:
        short_index -= rounding._div_up(paid, WAD)
        index = short_index
    errors._require(index >= -market_words.MAX_INDEX, errors.OUT_OF_BOUNDS)
    if ended:
        self.ends[msg.sender][instrument][long][loss_words._generation(word, long)] = index
    word = loss_words._next(word, long, left)
    self.losses[msg.sender][instrument] = word
    self.epochs[msg.sender][instrument][loss_words._epoch(word)] = word
    log ISharedLosses.LossShared(core=msg.sender, instrument=instrument, word=word, rest=rest)
    return market_words._pack_indices(long_index, short_index), rest


@view
@external
@reentrant
def scaled(instrument: uint256, stored: uint256, accrued: uint256) -> uint256:
    return self._scaled(msg.sender, instrument, stored, accrued)


@view
@external
@reentrant
def standing(instrument: uint256, position: uint256, indices: uint256) -> (int256, int256):
    return self._standing(msg.sender, instrument, position, indices)


@view
@external
@reentrant
def epoch(instrument: uint256) -> uint256:
    return loss_words._epoch(self.losses[msg.sender][instrument])


@view
@external
@reentrant
def loss_word(core: address, instrument: uint256, epoch: uint256) -> uint256:
    return (self.losses[core][instrument] if epoch == 0 else self.epochs[core][instrument][epoch])


@view
@external
@reentrant
def standing_of(core: address, instrument: uint256, position: uint256, indices: uint256) -> (int256, int256):
    return self._standing(core, instrument, position, indices)


@view
@external
@reentrant
def scaled_of(core: address, instrument: uint256, stored: uint256, accrued: uint256) -> uint256:
    return self._scaled(core, instrument, stored, accrued)


@view
@internal
def _scaled(core: address, instrument: uint256, stored: uint256, accrued: uint256) -> uint256:
    word: uint256 = self.losses[core][instrument]
    before: int256 = market_words._long_index(stored)
    long_index: int256 = before + rounding._mul_div_up(
        market_words._long_index(accrued) - before,
        loss_words._scale(word, True),
        loss_words.WHOLE,
    )
    before = market_words._short_index(stored)
    short_index: int256 = before + rounding._mul_div_down(
        market_words._short_index(accrued) - before,
        loss_words._scale(word, False),
        loss_words.WHOLE,
    )
    return market_words._pack_indices(long_index, short_index)


@view
@internal
def _standing(core: address, instrument: uint256, position: uint256, indices: uint256) -> (int256, int256):
    size: int256 = position_word._size(position)
    long: bool = size > 0
    index: int256 = market_words._index(indices, size)
    now: uint256 = self.losses[core][instrument]
    then: uint256 = self.epochs[core][instrument][position_word._epoch(position)]
    left: int256 = loss_words._scale(now, long)
    whole: int256 = loss_words._scale(then, long)
    generation: uint256 = loss_words._generation(then, long)
    if generation != loss_words._generation(now, long):
        left = 0
        index = self.ends[core][instrument][long][generation]
    return (
        rounding._mul_div_down(size, left, whole),
        rounding._mul_div_up(size, index - position_word._checkpoint(position), whole),
    )
