"""Deployment: every contract, owned by the timelock from its first block, configured through it.

One list of steps (plan.py) and one walk over it (apply.py) for the demo, the tests, the command
`tidegate deploy` and `ape run deploy`. Two timelock operations with no delay set everything up:
feeds, then (once there are prices) asset, instruments, venues and quotes. The second one's last
calls raise the delay and take the deployer's roles away, in the same transaction; then the chain is
read back and compared (check.py).
"""

from tidegate.deployment.apply import apply, deploy
from tidegate.deployment.check import check, differences
from tidegate.deployment.config import (
    ANYONE,
    BREAKER,
    COLLATERAL,
    CONTRACTS,
    FAULTY,
    LIQUIDATION,
    MARKETS,
    NETWORKS,
    NOBODY,
    SIGNERS,
    THRESHOLD,
    TOKEN,
    TRADING,
    BreakerConfig,
    DeploymentConfig,
    DeploymentError,
    FundConfig,
    MarketConfig,
    Network,
    QuoteConfig,
    TokenConfig,
    default_markets,
    load_config,
    load_market,
    load_network,
    perpetual,
)
from tidegate.deployment.deployed import MANIFESTS, Deployment, LocalSigners
from tidegate.deployment.plan import asset_word

__all__ = [
    "ANYONE",
    "BREAKER",
    "COLLATERAL",
    "CONTRACTS",
    "FAULTY",
    "LIQUIDATION",
    "MANIFESTS",
    "MARKETS",
    "NETWORKS",
    "NOBODY",
    "SIGNERS",
    "THRESHOLD",
    "TOKEN",
    "TRADING",
    "BreakerConfig",
    "Deployment",
    "DeploymentConfig",
    "DeploymentError",
    "FundConfig",
    "LocalSigners",
    "MarketConfig",
    "Network",
    "QuoteConfig",
    "TokenConfig",
    "apply",
    "asset_word",
    "check",
    "default_markets",
    "deploy",
    "differences",
    "load_config",
    "load_market",
    "load_network",
    "perpetual",
]
