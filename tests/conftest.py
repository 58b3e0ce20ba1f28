"""A deployed exchange for every test that asks for one, and people by their roles."""

import pytest

from tests.harness.system import System
from tidegate.anvil import find_anvil
from tidegate.deployment import DeploymentConfig, deploy
from tidegate.revm_chain import RevmChain


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_anvil() is None:
        missing = pytest.mark.skip(reason="anvil was not found: run `make setup`")
        for item in items:
            if item.get_closest_marker("anvil"):
                item.add_marker(missing)


@pytest.fixture(scope="session")
def deployed_system() -> System:
    """One deployment for the session. Use `system`, which undoes what a test does."""
    config = DeploymentConfig()
    return System(deploy(RevmChain(), config), config)


@pytest.fixture
def system(deployed_system: System):
    """A whole exchange with two markets, BTC-PERP at 60,000 and ETH-PERP at 3,000, without cash."""
    prices, nonces = dict(deployed_system.prices), dict(deployed_system.nonces)
    checkpoint = deployed_system.chain.snapshot()
    # A signer signs a slot once; the next test's slots are the same ones again.
    signers = deployed_system.signers
    yield deployed_system
    deployed_system.chain.restore(checkpoint)
    deployed_system.prices, deployed_system.nonces = prices, nonces
    for signer in signers.quorum:
        signer.signed.clear()


@pytest.fixture
def funded(system: System, liquidity_provider: str) -> System:
    """The system with 20 million in the vault."""
    system.provide(liquidity_provider, 20_000_000)
    return system


def _actor(name: str):
    @pytest.fixture(name=name)
    def actor(system: System) -> str:
        return system.actor(name.replace("_", " "))

    return actor


deployer = _actor("deployer")
governor = _actor("governor")
guardian = _actor("guardian")
trader = _actor("trader")
counterparty = _actor("counterparty")
liquidity_provider = _actor("liquidity_provider")
keeper = _actor("keeper")
attacker = _actor("attacker")
