"""The configurator on a real clearing house, oracle and vault; a plain address is the owner."""

from dataclasses import dataclass, replace

import pytest

from tests.harness.words import LIMITS, QUOTE, RISK, TRADE, asset
from tidegate.artifacts import artifact
from tidegate.chain import Contract
from tidegate.deployment import DeploymentConfig, LocalSigners
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec.rounding import WAD
from tidegate.spec.words import Limits, Risk, Trade

FEED = 1


@dataclass
class Desk:
    """Contracts and who may do what with them."""

    chain: RevmChain
    configurator: Contract
    core: Contract
    oracle: Contract
    vault: Contract
    token: Contract
    owner: str
    guardian: str

    def do(self, fn: str, *args: object, sender: str | None = None):
        """As the owner, on the core."""
        target = self.core.address
        return self.configurator.transact(fn, target, *args, sender=sender or self.owner)

    def add_asset(self, sender: str | None = None, **changes: int):
        word = replace(asset(self.token.address), **changes).pack()
        return self.do("add_asset", 0, word, self.vault.address, sender=sender)

    def set_terms(
        self,
        instrument: int = 64,
        risk: Risk = RISK,
        trade: Trade = TRADE,
        limits: Limits = LIMITS,
        sender: str | None = None,
    ):
        terms = (risk.pack(), trade.pack(), limits.pack())
        return self.do("set_terms", instrument, *terms, sender=sender)

    def check(self, risk: Risk = RISK, trade: Trade = TRADE, limits: Limits = LIMITS) -> None:
        self.configurator.call("check_terms", risk.pack(), trade.pack(), limits.pack())

    def quote(self, word: int = QUOTE) -> None:
        self.vault.transact("set_quote", 64, word, sender=self.owner)


@pytest.fixture(scope="session")
def _desk() -> Desk:
    chain = RevmChain()
    owner, guardian = local_address("governor"), local_address("guardian")
    config = DeploymentConfig()
    signers = sorted(config.signers, key=lambda signer: int(signer, 16))
    oracle = chain.deploy(artifact("PriceOracle"), owner, 4, signers, 3, 1)
    configurator = chain.deploy(artifact("Configurator"), owner, guardian)
    losses = chain.deploy(artifact("SharedLosses"))
    core = chain.deploy(
        artifact("ClearingHouse"), oracle.address, configurator.address, losses.address
    )
    vault = chain.deploy(
        artifact("LiquidityVault"), core.address, oracle.address, owner, 3600, 500_000
    )
    token = chain.deploy(artifact("FaucetToken"), "Test Dollar", "TUSD", 6)
    oracle.transact("set_feed", FEED, 60, 50_000, sender=owner)
    LocalSigners(oracle).push(FEED, 100 * WAD)
    chain.advance(1)
    return Desk(chain, configurator, core, oracle, vault, token, owner, guardian)


@pytest.fixture
def bare_desk(_desk: Desk):
    """Nothing listed yet."""
    checkpoint = _desk.chain.snapshot()
    yield _desk
    _desk.chain.restore(checkpoint)


@pytest.fixture
def desk(bare_desk: Desk) -> Desk:
    """The collateral and instrument 64 are listed."""
    bare_desk.add_asset()
    bare_desk.set_terms()
    return bare_desk


@pytest.fixture
def attacker() -> str:
    return local_address("attacker")
