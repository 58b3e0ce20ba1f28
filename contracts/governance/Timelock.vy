# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Timelock
@license AGPL-3.0-only
@notice Owner of everything: what governance decides is public for the delay before it takes effect. It
        administers itself: roles and delay change only by an operation that has waited like any other.
@custom:kill Cannot be stopped; an operation that waits is stopped by any canceller. Without proposers
             all parameters stay as they are.
@custom:security The functions come from snekmate and have no lock: an operation may schedule, cancel or execute
                 others. None executes twice.
"""

from snekmate.auth import access_control
from snekmate.governance import timelock_controller

initializes: access_control
initializes: timelock_controller[access_control := access_control]

exports: timelock_controller.__interface__

MEMBERS: constant(uint256) = 8


@deploy
def __init__(delay: uint256, proposers: DynArray[address, MEMBERS], executors: DynArray[address, MEMBERS]):
    """
    @param proposers They may cancel too. executors: the zero address lets anyone execute what is ready.
    """
    access_control.__init__()
    # no admin beside itself
    timelock_controller.__init__(delay, proposers, executors, empty(address))
