"""What governors do after the deployment, through the timelock and its delay."""

from typing import Any

from tidegate.chain import Contract
from tidegate.deployment import Deployment
from tidegate.local_accounts import local_address

SALT = b"\1" * 32


def govern(deployment: Deployment, *calls: tuple[Contract, str, Any]) -> None:
    """Schedule (contract, function, arguments...), wait for the delay, execute."""
    timelock = deployment.timelock
    targets = [contract.address for contract, *_ in calls]
    payloads = [contract.encode(function, *args) for contract, function, *args in calls]
    batch = (targets, [0] * len(targets), payloads, b"\0" * 32, SALT)
    delay = timelock.call("get_minimum_delay")
    governor = local_address("governor")
    timelock.transact("schedule_batch", *batch, delay, sender=governor)
    deployment.chain.advance(delay)
    timelock.transact("execute_batch", *batch, sender=governor)
