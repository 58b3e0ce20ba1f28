# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title A token that turns hostile
@license AGPL-3.0-only
@notice An ordinary ERC-20 until a test switches on one of its ways to misbehave. It never locks itself: what refuses
        a call from within a transfer is then the contract that was called.
@custom:kill Worthless and for tests only.
"""

PPM: constant(uint256) = 10**6

decimals: public(immutable(uint8))
allowance: public(HashMap[address, HashMap[address, uint256]])

# what a balance is made of: units times the scale of the moment
units: HashMap[address, uint256]
scale: uint256  # ppm
fee: uint256  # ppm kept back of what the receiver gets
surcharge: uint256  # ppm taken from the sender on top
silent: bool  # answers nothing
refuses: bool  # answers no and moves nothing
paused: bool
blocked: HashMap[address, bool]
target: address  # called in the middle of a transfer
message: Bytes[4096]
succeeded: public(bool)  # whether that call did
answer: public(Bytes[32])


@deploy
def __init__(decimals_: uint8):
    decimals = decimals_
    self.scale = PPM


@external
def set_scale(scale: uint256):
    self.scale = scale


@external
def set_fee(fee: uint256):
    self.fee = fee


@external
def set_surcharge(surcharge: uint256):
    self.surcharge = surcharge


@external
def set_silent(silent: bool):
    self.silent = silent


@external
def set_refuses(refuses: bool):
    self.refuses = refuses


@external
def set_paused(paused: bool):
    self.paused = paused


@external
def set_blocked(who: address, blocked: bool):
    self.blocked[who] = blocked


@external
def set_callback(target: address, message: Bytes[4096]):
    self.target = target
    self.message = message


@external
@reentrant
def forward(target: address, message: Bytes[4096]):
    """
    @notice A call in the token's name, outside any transfer.
    """
    raw_call(target, message)


@external
@reentrant
def mint(receiver: address, amount: uint256):
    self.units[receiver] += self._units(amount)


@external
@reentrant
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@view
@external
@reentrant
def balanceOf(owner: address) -> uint256:
    return self._balance(owner)


@raw_return
@external
@reentrant
def transfer(receiver: address, amount: uint256) -> Bytes[32]:
    return self._answer(self._move(msg.sender, receiver, amount))


@raw_return
@external
@reentrant
def transferFrom(sender: address, receiver: address, amount: uint256) -> Bytes[32]:
    assert self.allowance[sender][msg.sender] >= amount, "allowance"
    return self._answer(self._move(sender, receiver, amount))


@internal
@view
def _units(amount: uint256) -> uint256:
    """
    @return Rounded up: nobody sends less than it says.
    """
    return (amount * PPM + self.scale - 1) // self.scale


@internal
@view
def _balance(owner: address) -> uint256:
    return self.units[owner] * self.scale // PPM


@internal
@view
def _answer(moved: bool) -> Bytes[32]:
    if self.silent:
        return b""
    return abi_encode(moved)


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    assert not self.paused, "paused"
    assert not self.blocked[sender] and not self.blocked[receiver], "blocked"
    if self.refuses:
        return False
    out: uint256 = amount + amount * self.surcharge // PPM
    assert self._balance(sender) >= out, "balance"
    self.units[sender] -= min(self._units(out), self.units[sender])
    if self.target != empty(address):
        success: bool = False
        answer: Bytes[32] = b""
        success, answer = raw_call(self.target, self.message, max_outsize=32, revert_on_failure=False)
        self.succeeded = success
        self.answer = answer
    self.units[receiver] += (amount - amount * self.fee // PPM) * PPM // self.scale
    return True
