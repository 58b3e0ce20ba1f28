# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Oracle of tests
@license AGPL-3.0-only
@notice Prices are what a test says they are, from that moment on.
@custom:kill Holds nothing and is never deployed.
"""

SLOT_SECONDS: public(constant(uint256)) = 4

prices: HashMap[uint256, uint256]
stale: HashMap[uint256, bool]
slots: HashMap[uint256, HashMap[uint256, uint256]]
volatilities: HashMap[uint256, HashMap[uint256, uint256]]


@external
def set(feed: uint256, price: uint256, fresh: bool):
    self.prices[feed] = price
    self.stale[feed] = not fresh


@external
def set_slot(feed: uint256, slot: uint256, price: uint256, volatility: uint256):
    self.slots[feed][slot] = price
    self.volatilities[feed][slot] = volatility


@view
@external
@reentrant
def latest(feed: uint256) -> (uint256, bool):
    return self.prices[feed], not self.stale[feed]


@view
@external
@reentrant
def marks(feed: uint256, slot: uint256) -> uint256:
    price: uint256 = self.prices[feed]
    of_slot: uint256 = price if slot == 0 else self.slots[feed][slot]
    return of_slot | (convert(not self.stale[feed], uint256) << 90) | (price << 91)


@view
@external
@reentrant
def slot_price(feed: uint256, slot: uint256) -> (uint256, uint256):
    return self.slots[feed][slot], self.volatilities[feed][slot]


@view
@external
@reentrant
def volatility(feed: uint256) -> uint256:
    return 0
