"""What a deployment leaves: contracts by name, markets by name, and the accounts that matter."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from eth_utils import keccak

from tidegate import artifacts
from tidegate.artifacts import ROOT
from tidegate.chain import Chain, Contract
from tidegate.client.price_message import Domain, PriceMessage, PriceSigner, quorum
from tidegate.deployment.config import COLLATERAL, CONTRACTS, SIGNERS, THRESHOLD, DeploymentError
from tidegate.local_accounts import local_account
from tidegate.spec import words

MANIFESTS = ROOT / "deployments"


def hash_of(data: bytes) -> str:
    """keccak256 as 0x-prefixed hex."""
    return "0x" + keccak(data).hex()


@dataclass
class Deployment:
    """A deployed exchange: contracts by name, markets by name, ids of the accounts that matter."""

    chain: Chain
    contracts: dict[str, Contract]
    markets: dict[str, int]  # name -> instrument
    manifest: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Contract:
        return self.contracts[name]

    @property
    def core(self) -> Contract:
        return self.contracts["ClearingHouse"]

    @property
    def oracle(self) -> Contract:
        return self.contracts["PriceOracle"]

    @property
    def vault(self) -> Contract:
        return self.contracts["LiquidityVault"]

    @property
    def fund(self) -> Contract:
        return self.contracts["GuarantyFund"]

    @property
    def exchange(self) -> Contract:
        return self.contracts["Exchange"]

    @property
    def liquidator(self) -> Contract:
        return self.contracts["Liquidator"]

    @property
    def breaker(self) -> Contract:
        return self.contracts["CircuitBreaker"]

    @property
    def losses(self) -> Contract:
        return self.contracts["SharedLosses"]

    @property
    def lens_accounts(self) -> Contract:
        return self.contracts["LensAccounts"]

    @property
    def lens_markets(self) -> Contract:
        return self.contracts["LensMarkets"]

    @property
    def configurator(self) -> Contract:
        return self.contracts["Configurator"]

    @property
    def timelock(self) -> Contract:
        return self.contracts["Timelock"]

    @property
    def token(self) -> Contract:
        return self.contracts["Token"]

    def pool(self, instrument: int) -> int:
        return words.pool(int(self.vault), words.underlying_of(instrument))

    @property
    def treasury(self) -> int:
        return words.treasury(int(self.vault))

    @property
    def insurance(self) -> int:
        return words.insurance(int(self.core), COLLATERAL)

    @property
    def deficits(self) -> int:
        return words.deficits(int(self.core), COLLATERAL)

    @property
    def escrow(self) -> int:
        """The exchange's, of stakes."""
        return words.account(int(self.exchange))

    def save(self, folder: Path = MANIFESTS) -> Path:
        """Write deployments/<chain id>.json."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.chain.chain_id}.json"
        path.write_text(json.dumps(self.manifest, indent=2) + "\n")
        return path

    @classmethod
    def load(cls, chain: Chain, folder: Path = MANIFESTS) -> Self:
        """The manifest of this chain; DeploymentError if the chain is not the one it was of."""
        path = folder / f"{chain.chain_id}.json"
        if not path.exists():
            raise DeploymentError(f"no manifest {path}: deploy first")
        manifest = json.loads(path.read_text())
        if manifest["genesis"] != chain.genesis:
            raise DeploymentError(f"{path} is of another chain with the same id: deploy anew")
        missing = [name for name in (*CONTRACTS, "Token") if name not in manifest["contracts"]]
        if missing:
            raise DeploymentError(
                f"{path} is half done ({', '.join(missing)} missing): run `tidegate deploy apply`"
            )
        contracts = {}
        for name, entry in manifest["contracts"].items():
            artifact = artifacts.artifact(entry["source"])
            if hash_of(chain.code(entry["address"])) != entry["code_hash"]:
                raise DeploymentError(f"{name} at {entry['address']} has other code than deployed")
            contracts[name] = chain.contract(artifact, entry["address"])
        return cls(chain, contracts, dict(manifest["markets"]), manifest)


# Prices of a local chain


class LocalSigners:
    """The signers of a local chain: they sign whatever they are asked to, once per slot."""

    def __init__(self, oracle: Contract, threshold: int = THRESHOLD, count: int = SIGNERS) -> None:
        self.oracle = oracle
        self.slot_seconds: int = oracle.call("SLOT_SECONDS")
        self.domain = Domain(oracle.chain.chain_id, oracle.address)
        members = [PriceSigner(local_account(f"signer {i}"), self.domain) for i in range(count)]
        self.quorum = members[:threshold]

    def arguments(self, feed: int, price: int, published: int, slot: int | None = None) -> tuple:
        """Arguments of PriceOracle.push; the slot is that of the publish time by default."""
        slot = published // self.slot_seconds if slot is None else slot
        message = PriceMessage(feed, slot, price, published)
        return feed, slot, price, published, quorum(self.quorum, message)

    def push(self, feed: int, price: int, published: int | None = None) -> None:
        """Publish a price (1e-18) in the slot of now, or of the time given."""
        now = self.oracle.chain.time() if published is None else published
        self.oracle.transact("push", *self.arguments(feed, price, now))
