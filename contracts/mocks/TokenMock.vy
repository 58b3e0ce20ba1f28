# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Token of tests
@license AGPL-3.0-only
@notice Mintable, and as badly behaved as a test wants it: takes a fee on the way, answers no, calls back.
@custom:kill Worthless and never deployed.
"""

decimals: public(immutable(uint8))
balanceOf: public(HashMap[address, uint256])

fee: uint256  # kept back of every transfer
refuses: bool  # answers False and moves nothing
target: address  # called in the middle of a transfer
message: Bytes[2048]
answer: public(Bytes[32])  # of that call, empty when it succeeded
answered: public(bool)


@deploy
def __init__(decimals_: uint8):
    decimals = decimals_


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def set_fee(fee: uint256):
    self.fee = fee


@external
def set_refuses(refuses: bool):
    self.refuses = refuses


@external
def set_callback(target: address, message: Bytes[2048]):
    self.target = target
    self.message = message


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    return self._move(sender, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    if self.refuses:
        return False
    self.balanceOf[sender] -= amount
    if self.target != empty(address):
        success: bool = False
        answer: Bytes[32] = b""
        success, answer = raw_call(self.target, self.message, max_outsize=32, revert_on_failure=False)
        self.answered = success
        self.answer = answer
    self.balanceOf[receiver] += amount - self.fee
    return True
