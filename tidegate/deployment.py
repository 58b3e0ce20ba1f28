"""Deployment: every contract, owned by the timelock from its first block, configured through it.

One function for the demo, the tests and `ape run deploy`. Two timelock operations with no delay set
everything up: feeds, then (once there are prices) asset, instruments, venues and quotes. The second
one's last calls raise the delay and take the deployer's roles away, in the same transaction; then
the chain is read back and compared.
"""

import json
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from eth_utils import keccak

from tidegate import artifacts
from tidegate.artifacts import ROOT
from tidegate.chain import Chain, Contract
from tidegate.client.price_message import Domain, PriceMessage, PriceSigner, quorum
from tidegate.local_accounts import local_account, local_address
from tidegate.spec import words
from tidegate.spec.words import Limits, Risk, Trade

MANIFESTS = ROOT / "deployments"
COLLATERAL = 0
TRADING, LIQUIDATION = 1, 2  # roles of venues
NOBODY = "0x" + "00" * 20
ANYONE = NOBODY  # as an executor of the timelock
WAD = 10**18
PRICE_TIMEOUT = 600.0  # seconds to wait for the signers' first prices
CONTRACTS = (
    "Timelock",
    "PriceOracle",
    "Configurator",
    "ClearingHouse",
    "LiquidityVault",
    "Exchange",
    "Liquidator",
    "Lens",
)
TOKEN = "FaucetToken"


class DeploymentError(Exception):
    """The chain does not hold what the configuration says."""


# Configuration: people's numbers, as Decimals or strings


@dataclass(frozen=True)
class TokenConfig:
    """The collateral. Without an address a faucet token is deployed, on test networks only."""

    address: str | None = None
    name: str = "Test Dollar"
    symbol: str = "TUSD"
    decimals: int = 6
    outflow_share: str = "0.2"  # of the tokens held leaves as gains within a window
    outflow_window: int = 86_400  # seconds
    escrow_cap: str = "10000"  # tokens, the most one escrow may take


@dataclass(frozen=True)
class QuoteConfig:
    """What the vault asks, within the market's limits. Shares, 0.01 is one percent."""

    max_premium: str = "0.01"
    max_half_spread: str = "0.002"
    half_spread: str = "0.0003"
    volatility: str = "0.25"  # half spread per unit of volatility

    def pack(self) -> int:
        """The word of LiquidityVault.set_quote."""
        fields = (self.max_premium, self.max_half_spread, self.half_spread, self.volatility)
        shares = [words.fits(words.to_units(share, 10**6), 20) for share in fields]
        return sum(share << (20 * place) for place, share in enumerate(shares))


@dataclass(frozen=True)
class MarketConfig:
    """One instrument and the feed of its underlying."""

    name: str
    instrument: int
    risk: Risk
    trade: Trade
    limits: Limits
    quote: QuoteConfig = field(default_factory=QuoteConfig)
    max_age: int = 60  # seconds after which a price is stale
    max_step: str = "0.05"  # the most a price moves per slot
    opening_price: str = "1"  # local chains only: the first price

    @property
    def feed(self) -> int:
        return words.underlying_of(self.instrument)


def perpetual(
    name: str,
    underlying: int,
    opening_price: str,
    depth: str,
    soft_cap: str,
    hard_cap: str,
    **changes: Any,
) -> MarketConfig:
    """A linear perpetual with the default terms. Depth and caps in units of the underlying.

    `changes` replaces fields of the three words by name, e.g. initial_shock="0.1".
    """
    risk = {
        "kind": words.LINEAR_PERPETUAL,
        "initial_shock": "0.05",
        "maintenance_shock": "0.03",
        "contingency": "0.005",
        "size_slope": "0.01",
        "scale": depth,
        "max_velocity": "0.3",
        "max_rate": "0.1",
        "half_life": 8 * 3600,
        "calm_skew": "0.01",
    }
    trade = {
        "taker_fee": "0.0005",
        "insurance_share": "0.2",
        "band": "0.03",
        "crowding": "0.02",
        "minimum": "100",
        "soft": soft_cap,
        "hard": hard_cap,
    }
    limits = {
        "max_premium": "0.01",
        "max_half_spread": "0.002",
        "penalty": "0.0075",
        "max_cost": "0.025",
        "buffer": "0.2",
        "stress": "0.25",
        "reward": "5",
    }
    for key, value in changes.items():
        homes = [group for group in (risk, trade, limits) if key in group]
        if len(homes) != 1:
            raise ValueError(f"{key} is no term of a market")
        homes[0][key] = value
    return MarketConfig(
        name=name,
        instrument=words.instrument_id(underlying),
        risk=Risk.human(**risk),
        trade=Trade.human(**trade),
        limits=Limits.human(**limits),
        opening_price=opening_price,
    )


def default_markets() -> tuple[MarketConfig, ...]:
    return (
        perpetual("BTC-PERP", 1, "60000", depth="5000", soft_cap="250", hard_cap="400"),
        perpetual("ETH-PERP", 2, "3000", depth="80000", soft_cap="4000", hard_cap="6400"),
    )


SIGNERS = 4
THRESHOLD = 3
FAULTY = 1  # 2 * 3 > 4 + 1: two quorums for one slot share an honest signer


@dataclass(frozen=True)
class DeploymentConfig:
    """Everything that is chosen. The default is for local chains: its keys are known to all."""

    signers: tuple[str, ...] = field(
        default_factory=lambda: tuple(local_address(f"signer {i}") for i in range(SIGNERS))
    )
    threshold: int = THRESHOLD
    faulty: int = FAULTY
    slot_seconds: int = 4
    governors: tuple[str, ...] = field(default_factory=lambda: (local_address("governor"),))
    executors: tuple[str, ...] = (ANYONE,)
    delay: int = 2 * 86_400  # seconds, of the timelock
    guardian: str = field(default_factory=lambda: local_address("guardian"))
    token: TokenConfig = field(default_factory=TokenConfig)
    markets: tuple[MarketConfig, ...] = field(default_factory=default_markets)
    epoch_seconds: int = 3600
    stress_share: str = "0.5"  # of the vault's equity that stress losses of full caps may use
    window: int = 30  # seconds after its slot's opening in which an order may fill
    min_keeper_fee: str = "0.5"  # tokens
    lapse_ratio: str = "0.003"  # of the notional an order opens
    reward_window: int = 300  # seconds: one keeper reward per account

    def market(self, name: str) -> MarketConfig:
        return next(market for market in self.markets if market.name == name)


def load_config(path: Path) -> DeploymentConfig:
    """A configuration from TOML: fields of DeploymentConfig, [token], and [[markets]].

    A market has the arguments of `perpetual` (its terms by name), and a table [markets.quote].
    What is no setting, or no value of one, is a DeploymentError that begins with the path.
    """
    try:
        fields = tomllib.loads(path.read_text(), parse_float=str)
        if "token" in fields:
            fields["token"] = TokenConfig(**_checked(TokenConfig(), fields["token"]))
        if "markets" in fields:
            fields["markets"] = tuple(_market(market) for market in fields["markets"])
        for key, value in fields.items():
            if isinstance(value, list):
                fields[key] = tuple(value)
        return DeploymentConfig(**_checked(DeploymentConfig(), fields))
    except (OSError, TypeError, ValueError, ArithmeticError) as error:
        raise DeploymentError(f"{path}: {error}") from None


def _checked(defaults: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, each of its default's type and, where that is a number, a number from 0 on."""
    known = asdict(defaults)
    for name, value in fields.items():
        if name not in known:
            raise ValueError(f"{name} is no setting")
        default = known[name]
        if _is_number(default):
            if not _is_number(value) or (isinstance(default, int) and not isinstance(value, int)):
                raise ValueError(f"{name} = {value!r} is no such number as {default!r}")
        elif default is not None and type(value) is not type(default) and name != "token":
            raise ValueError(f"{name} = {value!r} is not of the kind of {default!r}")
    return fields


def _is_number(value: Any) -> bool:
    """Whether it is one from 0 on, written as an integer or as a string."""
    try:
        return not isinstance(value, bool | tuple | list) and 0 <= Decimal(value) < Decimal("Inf")
    except (ArithmeticError, TypeError, ValueError):
        return False


def _market(fields: dict[str, Any]) -> MarketConfig:
    own = {key: fields.pop(key) for key in ("max_age", "max_step") if key in fields}
    if "quote" in fields:
        own["quote"] = QuoteConfig(**_checked(QuoteConfig(), fields.pop("quote")))
    text = {"name"}
    for name, value in fields.items():
        if name not in text and not _is_number(value):
            raise ValueError(f"{name} = {value!r} of a market is no number from 0 on")
    return replace(perpetual(**fields), **own)


# What comes out


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
    def exchange(self) -> Contract:
        return self.contracts["Exchange"]

    @property
    def liquidator(self) -> Contract:
        return self.contracts["Liquidator"]

    @property
    def lens(self) -> Contract:
        return self.contracts["Lens"]

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
        contracts = {}
        for name, entry in manifest["contracts"].items():
            artifact = artifacts.artifact(entry["source"])
            if _hash(chain.code(entry["address"])) != entry["code_hash"]:
                raise DeploymentError(f"{name} at {entry['address']} has other code than deployed")
            contracts[name] = chain.contract(artifact, entry["address"])
        return cls(chain, contracts, dict(manifest["markets"]), manifest)


def _hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()


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


# The deployment


@dataclass
class _Step:
    """A call for the timelock."""

    target: str
    payload: bytes


class _Builder:
    """One deployment on its way."""

    def __init__(
        self, chain: Chain, config: DeploymentConfig, sender: str, say: Callable[[str], None]
    ) -> None:
        self.chain = chain
        self.config = config
        self.sender = sender
        self.say = say
        self.contracts: dict[str, Contract] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self.operations = 0

    def create(self, name: str, *args: Any, source: str | None = None) -> Contract:
        artifact = artifacts.artifact(source or name)
        contract = self.chain.deploy(artifact, *args, sender=self.sender)
        self.attach(name, contract, args)
        self.say(f"{name:15} {contract.address} {artifact.runtime_size:6} bytes")
        return contract

    def attach(self, name: str, contract: Contract, args: Sequence[Any]) -> None:
        self.contracts[name] = contract
        self.records[name] = {
            "address": contract.address,
            "source": contract.name,
            "args": [list(arg) if isinstance(arg, tuple) else arg for arg in args],
            "code_hash": _hash(self.chain.code(contract.address)),
        }

    def govern(self, steps: Sequence[_Step]) -> None:
        """Schedule and execute one operation; possible at once while the delay is zero."""
        timelock = self.contracts["Timelock"]
        targets = [step.target for step in steps]
        payloads = [step.payload for step in steps]
        self.operations += 1
        salt = keccak(text=f"tidegate deployment {self.operations}")
        batch = (targets, [0] * len(steps), payloads, b"\0" * 32, salt)
        timelock.transact("schedule_batch", *batch, 0, sender=self.sender)
        timelock.transact("execute_batch", *batch, sender=self.sender)

    def step(self, contract: Contract, fn: str, *args: Any) -> _Step:
        return _Step(contract.address, contract.encode(fn, *args))


def deploy(
    chain: Chain,
    config: DeploymentConfig | None = None,
    sender: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Deployment:
    """Deploy and configure everything, and check it on the chain."""
    config = config or DeploymentConfig()
    sender = sender or chain.sender
    if not chain.local and set(config.signers) & set(DeploymentConfig().signers):
        raise DeploymentError("the default signers' keys are known to all: not on a real network")
    artifacts.artifacts([*CONTRACTS, TOKEN])
    builder = _Builder(chain, config, sender, say)
    _create_all(builder)
    contracts = builder.contracts
    oracle = contracts["PriceOracle"]
    builder.govern(
        [
            builder.step(oracle, "set_feed", *_feed_arguments(market))
            for market in {market.feed: market for market in config.markets}.values()
        ]
    )
    _first_prices(builder, oracle)
    builder.govern([*_listing(builder), *_handover(builder)])
    deployment = Deployment(
        chain, contracts, {market.name: market.instrument for market in config.markets}
    )
    check(deployment, config, sender)
    deployment.manifest = _manifest(builder, deployment)
    return deployment


def _create_all(builder: _Builder) -> None:
    config, sender, create = builder.config, builder.sender, builder.create
    timelock = create("Timelock", 0, [sender], [sender]).address
    oracle = create(
        "PriceOracle",
        timelock,
        config.slot_seconds,
        sorted(config.signers, key=lambda signer: int(signer, 16)),
        config.threshold,
        config.faulty,
    ).address
    configurator = create("Configurator", timelock, config.guardian).address
    core = create("ClearingHouse", oracle, configurator).address
    token = config.token
    if token.address is None:
        create("Token", token.name, token.symbol, token.decimals, source=TOKEN)
    else:
        contract = builder.chain.contract(artifacts.artifact(TOKEN), token.address)
        builder.attach("Token", contract, ())
    vault = create(
        "LiquidityVault",
        core,
        oracle,
        timelock,
        config.epoch_seconds,
        words.to_units(config.stress_share, 10**6),
    ).address
    exchange = create(
        "Exchange",
        core,
        oracle,
        vault,
        config.window,
        words.to_units(config.min_keeper_fee, WAD),
        words.to_units(config.lapse_ratio, 10**6),
    ).address
    liquidator = create("Liquidator", core, oracle, vault, config.reward_window).address
    create("Lens", core, oracle, vault, exchange, liquidator)


def _feed_arguments(market: MarketConfig) -> tuple[int, int, int]:
    return market.feed, market.max_age, words.to_units(market.max_step, 10**6)


def _first_prices(builder: _Builder, oracle: Contract) -> None:
    """An instrument is listed at a price in force: sign one here, or wait for the signers."""
    chain, config = builder.chain, builder.config
    feeds = {market.feed: market for market in config.markets}
    if chain.local:
        signers = LocalSigners(oracle, config.threshold, len(config.signers))
        now = chain.time()
        for feed, market in feeds.items():
            signers.push(feed, words.to_units(market.opening_price, WAD), now)
        # A price counts from the next second on.
        chain.set_time(max(now, chain.time()) + 1)
        return
    builder.say("waiting for the signers' first prices")
    deadline = time.monotonic() + PRICE_TIMEOUT
    while not all(oracle.call("latest", feed)[0] for feed in feeds):
        if time.monotonic() > deadline:
            raise DeploymentError("no prices: start the price pusher and deploy anew")
        time.sleep(2)


def asset_word(token: TokenConfig, address: str) -> int:
    return words.Asset.human(
        escrow=token.escrow_cap,
        share=token.outflow_share,
        window=token.outflow_window,
        token_decimals=token.decimals,
        token=int(address, 16),
    ).pack()


def _listing(builder: _Builder) -> list[_Step]:
    config, contracts, step = builder.config, builder.contracts, builder.step
    configurator, vault = contracts["Configurator"], contracts["LiquidityVault"]
    core = contracts["ClearingHouse"].address
    word = asset_word(config.token, contracts["Token"].address)
    steps = [step(configurator, "add_asset", core, COLLATERAL, word, vault.address)]
    for market in config.markets:
        terms = (market.risk.pack(), market.trade.pack(), market.limits.pack())
        steps.append(step(configurator, "set_terms", core, market.instrument, *terms))
        steps.append(step(vault, "set_quote", market.instrument, market.quote.pack()))
    for venue, role in _venues(contracts).items():
        steps.append(step(configurator, "set_venue", core, venue, role))
    return steps


def _venues(contracts: Mapping[str, Contract]) -> dict[str, int]:
    """Who may call `clear`, and as what. The vault moves cash of its own accounts only."""
    return {
        contracts["Exchange"].address: TRADING,
        contracts["Liquidator"].address: LIQUIDATION,
    }


def _handover(builder: _Builder) -> list[_Step]:
    """The end of the set-up: governors in, deployer out, delay up."""
    timelock, config, step = builder.contracts["Timelock"], builder.config, builder.step
    roles = {name: timelock.call(name) for name in ROLES}
    steps = []
    for governor in config.governors:
        for name in ("PROPOSER_ROLE", "CANCELLER_ROLE"):
            steps.append(step(timelock, "grantRole", roles[name], governor))
    for executor in config.executors:
        steps.append(step(timelock, "grantRole", roles["EXECUTOR_ROLE"], executor))
    for name in ROLES:
        members = config.executors if name == "EXECUTOR_ROLE" else config.governors
        if builder.sender not in members:
            steps.append(step(timelock, "revokeRole", roles[name], builder.sender))
    return [*steps, step(timelock, "update_delay", config.delay)]


ROLES = ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")


def check(deployment: Deployment, config: DeploymentConfig, deployer: str) -> None:
    """Read everything back from the chain; DeploymentError names the first difference."""

    def equal(what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            raise DeploymentError(f"{what}: the chain says {found}, the configuration {wanted}")

    core, oracle, vault = deployment.core, deployment.oracle, deployment.vault
    timelock = deployment.timelock
    for name in ("PriceOracle", "Configurator", "LiquidityVault"):
        equal(f"owner of {name}", deployment[name].call("OWNER"), timelock.address)

    equal("guardian", deployment.configurator.call("guardian"), config.guardian)
    equal("delay", timelock.call("get_minimum_delay"), config.delay)
    admin = timelock.call("DEFAULT_ADMIN_ROLE")
    equal("timelock's own admin", timelock.call("hasRole", admin, timelock.address), True)
    equal("deployer as admin", timelock.call("hasRole", admin, deployer), False)
    for name in ROLES:
        role = timelock.call(name)
        members = config.executors if name == "EXECUTOR_ROLE" else config.governors
        for member in members:
            equal(f"{name} of {member}", timelock.call("hasRole", role, member), True)
        equal(
            f"{name} of the deployer", timelock.call("hasRole", role, deployer), deployer in members
        )

    signers, threshold, faulty = oracle.call("signers")
    equal("signers", set(signers), set(config.signers))
    equal("threshold", (threshold, faulty), (config.threshold, config.faulty))
    equal("slot", oracle.call("SLOT_SECONDS"), config.slot_seconds)

    token = deployment.token
    equal("token's decimals", token.call("decimals"), config.token.decimals)
    equal("asset", core.call("asset_word", COLLATERAL), asset_word(config.token, token.address))
    equal("vault of the asset", core.call("vault_of", COLLATERAL), vault.address)
    for market in config.markets:
        name, instrument = market.name, market.instrument
        _, max_age, max_step = _feed_arguments(market)
        equal(f"feed of {name}", oracle.call("feed_word", market.feed), max_age | max_step << 32)
        equal(f"risk of {name}", core.call("risk_word", instrument), market.risk.pack())
        equal(f"trade of {name}", core.call("trade_word", instrument), market.trade.pack())
        equal(f"limits of {name}", core.call("limits_word", instrument), market.limits.pack())
        equal(f"quote of {name}", vault.call("quote_word", instrument), market.quote.pack())
    for venue, role in _venues(deployment.contracts).items():
        equal(f"role of {venue}", core.call("venue_word", venue) & 255, role)


def _manifest(builder: _Builder, deployment: Deployment) -> dict[str, Any]:
    chain = builder.chain
    return {
        "chain_id": chain.chain_id,
        "chain": chain.name,
        "genesis": chain.genesis,
        "block": chain.block(),
        "deployer": builder.sender,
        "contracts": _plain(builder.records),
        "markets": deployment.markets,
        "config": _plain(asdict(builder.config)),
    }


def _plain(value: Any) -> Any:
    """For JSON: integers beyond 2**53 and Decimals as strings."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal) or (isinstance(value, int) and abs(value) >= 2**53):
        return str(value)
    return value
