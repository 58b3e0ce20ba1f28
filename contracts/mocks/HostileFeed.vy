# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title Hostile feed
@license AGPL-3.0-only
@notice Answers every call as a test tells it to: with any bytes, with a revert, with none of the gas left, or with a
        call of its own in between. It is whatever contract it is called as.
@custom:kill Holds nothing and is never deployed.
"""

MOST: constant(uint256) = 65_536

reverts: bool
burns: bool
answer: Bytes[MOST]
target: address
message: Bytes[4096]


@external
def behave(reverts: bool, burns: bool, answer: Bytes[MOST]):
    self.reverts = reverts
    self.burns = burns
    self.answer = answer


@external
def call_back(target: address, message: Bytes[4096]):
    self.target = target
    self.message = message


@raw_return
@payable
@external
def __default__() -> Bytes[MOST]:
    if self.target != empty(address):
        # whatever comes of it
        done: bool = raw_call(self.target, self.message, revert_on_failure=False)
    if self.burns:
        for i: uint256 in range(2**64):
            pass
    if self.reverts:
        raw_revert(self.answer)
    return self.answer
