# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Tranches
@license AGPL-3.0-only
@notice The guaranty fund's books: what of its cash pays first, what only by assessment, and how much of it did so
        lately. Amounts are 1e-18 of the collateral. Glossary:

        M   mutual tranche: pays first, whole
        u   what of M still vests: gifts and what leavers forfeited become the shares' evenly over time
        L   pledge: pays once M is empty, at most a share of it in a window, fixed when the window's first is taken
        W   worth of the shares: M - u + L

        funds word
        128..255  pledge     uint128
        0..127    mutual     uint128  u included

        vesting word
        128..255  amount     uint128  u at since
        64..127   since      uint64
        0..63     until      uint64   u is zero from here on

        assessment word
        64..255   left       uint192  what of the pledge may still be taken in the window
        0..63     until      uint64   end of the window

        day word
        144..255  bidders    uint112  of drawn, what bidders got
        32..143   drawn      uint112  out of both tranches in that day
        0..31     day        uint32   since 1970

        parameters word
        176..207  vesting       uint32  seconds in which a gift becomes the shares'
        144..175  claim window  uint32  seconds after a notice has run in which it is claimed
        112..143  notice        uint32  seconds
        80..111   assessment    uint32  seconds of a window
        60..79    day share     uint20  ppm of the fund that bidders may get in a day
        40..59    payment       uint20  ppm of the fund that one payment to a bidder may be
        20..39    assessed      uint20  ppm of the pledge that a window may take
        0..19     pledged       uint20  ppm of a contribution
"""

PPM: constant(uint256) = 10**6
DAY: constant(uint256) = 86400
HALF: constant(uint256) = 2**128 - 1
MAX_TIME: constant(uint256) = 2**64 - 1
# of both tranches, so that every sum and every field above holds it
MAX_TOTAL: constant(uint256) = 2**112 - 1

parameters: uint256
funds: uint256
vesting: uint256
assessment: uint256
day: uint256
# both tranches before the first draw of the day word's day
day_size: uint256


@internal
@pure
def _ppm(parameters: uint256, at: uint256) -> uint256:
    return (parameters >> at) & (2**20 - 1)


@internal
@pure
def _seconds(parameters: uint256, at: uint256) -> uint256:
    return (parameters >> at) & (2**32 - 1)


@internal
@view
def _mutual() -> uint256:
    return self.funds & HALF


@internal
@view
def _pledge() -> uint256:
    return self.funds >> 128


@internal
@view
def _total() -> uint256:
    return self._mutual() + self._pledge()


@internal
@view
def _vesting() -> uint256:
    """
    @return u, rounded up: against the shares.
    """
    word: uint256 = self.vesting
    until: uint256 = word & MAX_TIME
    if block.timestamp >= until:
        return 0
    length: uint256 = until - ((word >> 64) & MAX_TIME)
    return ((word >> 128) * (until - block.timestamp) + length - 1) // length


@internal
@view
def _worth() -> uint256:
    return self._total() - self._vesting()


@internal
@view
def _assessable() -> uint256:
    """
    @return What of the pledge may be taken now, once the mutual tranche is empty; rounded down.
    """
    word: uint256 = self.assessment
    pledge: uint256 = self._pledge()
    if block.timestamp >= word & MAX_TIME:
        return pledge * self._ppm(self.parameters, 20) // PPM
    return min(pledge, word >> 64)


@internal
@view
def _today() -> (uint256, uint256, uint256):
    """
    @return Size of the fund before the first draw of this day, drawn since, and of that to bidders.
    """
    word: uint256 = self.day
    if word & (2**32 - 1) != block.timestamp // DAY:
        return self._total(), 0, 0
    return self.day_size, (word >> 32) & MAX_TOTAL, word >> 144


@internal
@view
def _payable() -> uint256:
    """
    @return The most that one payment to a bidder may be now, rounded down: never of the pledge.
    """
    size: uint256 = 0
    drawn: uint256 = 0
    paid: uint256 = 0
    size, drawn, paid = self._today()
    of_day: uint256 = size * self._ppm(self.parameters, 60) // PPM
    of_one: uint256 = size * self._ppm(self.parameters, 40) // PPM
    if paid >= of_day:
        return 0
    return min(min(of_one, of_day - paid), self._mutual())


@internal
def _set(mutual: uint256, pledge: uint256):
    self.funds = (pledge << 128) | mutual


@internal
def _contribute(mutual: uint256, pledge: uint256):
    self._set(self._mutual() + mutual, self._pledge() + pledge)


@internal
def _vest(amount: uint256):
    """
    @notice That much of the mutual tranche vests from now on. The end is the average of ends, weighted by amounts and
            rounded up: a crumb more puts nothing off.
    """
    if amount == 0:
        return
    left: uint256 = self._vesting()
    until: uint256 = self.vesting & MAX_TIME
    rest: uint256 = until - block.timestamp if left != 0 else 0
    total: uint256 = left + amount
    length: uint256 = (left * rest + amount * self._seconds(self.parameters, 176) + total - 1) // total
    self.vesting = (total << 128) | (block.timestamp << 64) | (block.timestamp + length)


@internal
def _draw(need: uint256) -> (uint256, uint256):
    """
    @notice What the fund gives toward a deficit: the mutual tranche, what vests of it first; then the pledge, by
            assessment.
    @return Out of the mutual tranche; out of the pledge.
    """
    mutual: uint256 = self._mutual()
    pledge: uint256 = self._pledge()
    first: uint256 = min(need, mutual)
    assessed: uint256 = 0
    if need > first:
        left: uint256 = self._assessable()
        assessed = min(need - first, left)
        if assessed != 0:
            until: uint256 = self.assessment & MAX_TIME
            if block.timestamp >= until:
                until = block.timestamp + self._seconds(self.parameters, 80)
            self.assessment = ((left - assessed) << 64) | until
    self._note(first + assessed, 0)
    self._unvest(first)
    self._set(mutual - first, pledge - assessed)
    return first, assessed


@internal
def _pay(amount: uint256):
    """
    @param amount At most _payable().
    """
    self._note(amount, amount)
    self._unvest(amount)
    self._set(self._mutual() - amount, self._pledge())


@internal
def _leave(assets: uint256) -> uint256:
    """
    @notice Takes a leaver's money out of both tranches in proportion; what a window may still assess shrinks with the
            pledge, so that nobody who stays is charged for who left.
    @param assets At most _worth().
    @return What of the mutual tranche belongs to the shares that stay.
    """
    worth: uint256 = self._worth()
    mutual: uint256 = self._mutual()
    pledge: uint256 = self._pledge()
    if assets != 0:
        out: uint256 = pledge * assets // worth
        word: uint256 = self.assessment
        if out != 0 and block.timestamp < word & MAX_TIME:
            left: uint256 = (word >> 64) * (pledge - out) // pledge
            self.assessment = (left << 64) | (word & MAX_TIME)
        mutual -= assets - out
        self._set(mutual, pledge - out)
    return mutual - self._vesting()


@internal
def _unvest(amount: uint256):
    left: uint256 = self._vesting()
    if left != 0 and amount != 0:
        left -= min(left, amount)
        self.vesting = (left << 128) | (block.timestamp << 64) | (self.vesting & MAX_TIME)


@internal
def _note(amount: uint256, to_bidder: uint256):
    """
    @notice Before the tranches are changed.
    """
    if amount == 0:
        return
    size: uint256 = 0
    drawn: uint256 = 0
    paid: uint256 = 0
    size, drawn, paid = self._today()
    today: uint256 = block.timestamp // DAY
    if self.day & (2**32 - 1) != today:
        self.day_size = size
    self.day = ((paid + to_bidder) << 144) | ((drawn + amount) << 32) | today
