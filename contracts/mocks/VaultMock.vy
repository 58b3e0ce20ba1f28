# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title A vault that quotes what it is told
@license AGPL-3.0-only
@notice Quotes the mark and a margin against the taker; can refuse, answer nonsense or burn gas.
@custom:kill For tests only.
"""

PPM: constant(uint256) = 10**6

margin: uint256  # ppm against the taker
refusal: Bytes[64]


@external
def set_margin(margin: uint256):
    self.margin = margin


@external
def set_refusal(refusal: Bytes[64]):
    self.refusal = refusal


@view
@external
@reentrant
def covers_stress() -> (bool, uint256):
    return True, 0


@view
@external
@reentrant
def quote(instrument: uint256, size: int256, mark: uint256, volatility: uint256) -> uint256:
    if len(self.refusal) != 0:
        raw_revert(self.refusal)
    above: uint256 = mark * self.margin // PPM
    return mark + above if size > 0 else mark - above
