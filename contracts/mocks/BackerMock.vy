# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Vault of the clearing house's tests
@license AGPL-3.0-only
@notice Says whether stress is covered; its accounts are moved by messages in its name.
@custom:kill Holds nothing and is never deployed.
"""

short: bool


@external
def set_short(short: bool):
    self.short = short


@view
@external
@reentrant
def covers_stress() -> bool:
    return not self.short


@external
def forward(target: address, message: Bytes[8192]):
    """
    @notice A call in the vault's name.
    """
    raw_call(target, message)
