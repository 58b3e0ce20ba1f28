"""What the deployed timelock lets whom do, through the module of snekmate."""

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import ETH, System

NONE = b"\0" * 32
NOT_READY = "timelock_controller: operation is not ready"
TOO_EARLY = "timelock_controller: insufficient delay"
MISSING = "access_control: account is missing role"


@pytest.fixture
def operation(system: System, attacker: str) -> tuple:
    """The guardian becomes another one."""
    configurator = system.deployment.configurator
    payload = configurator.encode("set_guardian", attacker)
    return (configurator.address, 0, payload, NONE, NONE)


def test_an_operation_waits_for_the_delay(system, governor, attacker, operation):
    timelock, delay = system.deployment.timelock, system.config.delay
    timelock.transact("schedule", *operation, delay, sender=governor)
    system.chain.advance(delay - 1)
    with reverts(NOT_READY):
        timelock.transact("execute", *operation, sender=governor)
    system.chain.advance(1)
    # Anyone may execute what is ready.
    timelock.transact("execute", *operation, sender=attacker)
    assert system.deployment.configurator.call("guardian") == attacker
    with reverts(NOT_READY):
        timelock.transact("execute", *operation, sender=governor)


def test_the_delay_cannot_be_shortened(system, governor, operation):
    with reverts(TOO_EARLY):
        system.deployment.timelock.transact(
            "schedule", *operation, system.config.delay - 1, sender=governor
        )


def test_the_governor_can_cancel(system, governor, operation):
    timelock, delay = system.deployment.timelock, system.config.delay
    timelock.transact("schedule", *operation, delay, sender=governor)
    operation_id = timelock.call("hash_operation", *operation)
    timelock.transact("cancel", operation_id, sender=governor)
    system.chain.advance(delay)
    with reverts(NOT_READY):
        timelock.transact("execute", *operation, sender=governor)


@pytest.mark.parametrize("name", ["deployer", "attacker", "guardian", "trader"])
def test_nobody_else_schedules(system, operation, name):
    with reverts(MISSING):
        system.deployment.timelock.transact(
            "schedule", *operation, system.config.delay, sender=system.actor(name)
        )


@pytest.mark.parametrize("name", ["deployer", "governor"])
def test_nobody_grants_roles_or_changes_the_delay_beside_it(system, name):
    timelock, actor = system.deployment.timelock, system.actor(name)
    with reverts(MISSING):
        timelock.transact("grantRole", timelock.call("PROPOSER_ROLE"), actor, sender=actor)
    with reverts("timelock_controller: caller must be timelock"):
        timelock.transact("update_delay", 0, sender=actor)


def test_parameters_change_through_it(system):
    configurator, core = system.deployment.configurator, system.core
    market = next(market for market in system.config.markets if market.instrument == ETH)
    risk = market.risk.pack() + (1 << 180)  # one ppm a day more
    words = (risk, market.trade.pack(), market.limits.pack())
    system.govern(configurator, "set_terms", core.address, ETH, *words)
    assert core.call("risk_word", ETH) == risk


def test_a_refusal_inside_is_passed_on(system):
    with reverts("OutOfBounds"):
        system.govern(
            system.deployment.configurator, "set_terms", system.core.address, ETH, 0, 0, 0
        )
