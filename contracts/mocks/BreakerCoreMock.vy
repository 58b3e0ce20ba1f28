# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The core as the breaker sees it
@license AGPL-3.0-only
@notice Keeps a level in bits 248..255 of a market's risk word; the rest is what a test says.
@custom:kill For tests only.
"""


event Braked:
    instrument: indexed(uint256)
    level: uint256


risk_word: public(HashMap[uint256, uint256])
interest_word: public(HashMap[uint256, uint256])


@external
def set_market(instrument: uint256, risk: uint256, interest: uint256):
    self.risk_word[instrument] = risk
    self.interest_word[instrument] = interest


@external
def set_brake(instrument: uint256, level: uint256):
    self.risk_word[instrument] = (self.risk_word[instrument] & (2**248 - 1)) | (level << 248)
    log Braked(instrument=instrument, level=level)
