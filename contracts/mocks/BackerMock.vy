# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Vault of the clearing house's tests
@license AGPL-3.0-only
@notice Says whether stress is covered and what it lacks; its accounts are moved by messages in its name.
@custom:kill Holds nothing and is never deployed.
"""

short: bool
lack: uint256


@external
def set_short(short: bool):
    self.short = short


@external
def set_lack(lack: uint256):
    self.lack = lack


@view
@external
@reentrant
def covers_stress() -> (bool, uint256):
    return not self.short, self.lack


@external
def forward(target: address, message: Bytes[8192]):
    """
    @notice A call in the vault's name.
    """
    raw_call(target, message)
