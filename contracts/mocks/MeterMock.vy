# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title A contract that answers what it is told
@license AGPL-3.0-only
@notice Any call gets the stored bytes of its selector; or it reverts, or burns all its gas.
@custom:kill For tests only.
"""

ANSWERS: constant(uint256) = 0
REVERTS: constant(uint256) = 1
BURNS: constant(uint256) = 2

answers: HashMap[bytes4, Bytes[4096]]
mode: uint256


@external
def set_answer(selector: bytes4, answer: Bytes[4096]):
    self.answers[selector] = answer


@external
def set_mode(mode: uint256):
    self.mode = mode


@external
@raw_return
def __default__() -> Bytes[4096]:
    if self.mode == REVERTS:
        raw_revert(b"no")
    if self.mode == BURNS:
        for i: uint256 in range(10**9):
            assert keccak256(convert(i, bytes32)) != empty(bytes32)
    return self.answers[convert(slice(msg.data, 0, 4), bytes4)]
