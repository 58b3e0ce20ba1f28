"""What is chosen before a deployment, in people's numbers: Decimals or strings, and TOML files.

`networks/*.toml` says where and by whom, `markets/*.toml` says what is traded.
"""

import tomllib
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tidegate.abi import checksum
from tidegate.artifacts import ROOT
from tidegate.local_accounts import local_address
from tidegate.spec import breaker, words
from tidegate.spec.fund import Parameters
from tidegate.spec.words import Limits, Risk, Trade

NETWORKS = ROOT / "networks"
MARKETS = ROOT / "markets"
COLLATERAL = 0
TRADING, LIQUIDATION, BREAKER = 1, 2, 4  # roles of venues
NOBODY = "0x" + "00" * 20
ANYONE = NOBODY  # as an executor of the timelock
CONTRACTS = (
    "Timelock",
    "PriceOracle",
    "Configurator",
    "SharedLosses",
    "ClearingHouse",
    "LiquidityVault",
    "GuarantyFund",
    "Exchange",
    "Liquidator",
    "CircuitBreaker",
    "LensAccounts",
    "LensMarkets",
)
TOKEN = "FaucetToken"
TABLES = ("token", "fund")  # settings that are settings themselves


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
class FundConfig:
    """The guaranty fund: what it takes of its shareholders, and when. Shares, 0.5 is one half."""

    pledged: str = "0.5"  # of a contribution, paid by assessment only
    assessed: str = "0.25"  # of the pledge, the most that a window takes
    assessment: int = 30 * 86_400  # seconds of a window
    payment: str = "0.01"  # of the fund, the most that one bidder is paid
    day_share: str = "0.05"  # and that bidders are paid in a day
    notice: int = 14 * 86_400  # seconds from a notice to its claim
    window: int = 2 * 86_400  # seconds in which it is claimed then
    vesting: int = 7 * 86_400  # seconds in which a gift becomes the shares'

    @property
    def parameters(self) -> Parameters:
        """As GuarantyFund.set_parameters takes them, packed."""
        return Parameters.human(**asdict(self))


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
class BreakerConfig:
    """When the circuit breaker brakes a market. Shares, 0.05 is five percent; 0 is never."""

    price_1: str = "0.025"  # change of the price in a window: THROTTLED
    price_2: str = "0.05"  # REDUCE_ONLY
    price_3: str = "0.08"  # AUCTION_ONLY
    price_4: str = "0.15"  # HALTED
    skew_1: str = "0.015"  # growth of the skew, of the depth
    skew_2: str = "0.03"
    liquidated_1: str = "0.005"  # notional, of the depth
    liquidated_2: str = "0.01"
    liquidated_3: str = "0.02"
    drawn_1: str = "0.1"  # paid by the guaranty fund, of its size
    drawn_2: str = "0.25"
    drawn_3: str = "0.5"
    drawn_4: str = "0.8"
    window: int = 300  # seconds
    hold_1: int = 5  # minutes, as all below
    hold_2: int = 10
    hold_3: int = 15
    hold_4: int = 6
    longest_halt: int = 10
    outage: int = 5  # age of the price in force; more than the feed's max age
    grace: int = 4

    @property
    def settings(self) -> breaker.Settings:
        """As CircuitBreaker.set_settings takes them, packed."""
        return breaker.Settings.human(**asdict(self))


@dataclass(frozen=True)
class MarketConfig:
    """One instrument and the feed of its underlying."""

    name: str
    instrument: int
    risk: Risk
    trade: Trade
    limits: Limits
    quote: QuoteConfig = field(default_factory=QuoteConfig)
    breaker: BreakerConfig = field(default_factory=BreakerConfig)
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


@cache
def default_markets() -> tuple[MarketConfig, ...]:
    return load_market(MARKETS / "btc-perp.toml"), load_market(MARKETS / "eth-perp.toml")


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
    fund: FundConfig = field(default_factory=FundConfig)
    markets: tuple[MarketConfig, ...] = field(default_factory=default_markets)
    epoch_seconds: int = 3600
    stress_share: str = "0.5"  # of the vault's equity that stress losses of full caps may use
    window: int = 30  # seconds after its slot's opening in which an order may fill
    min_keeper_fee: str = "0.5"  # tokens
    lapse_ratio: str = "0.003"  # of the notional an order opens
    reward_window: int = 300  # seconds: one keeper reward per account
    bucket: str = "0.002"  # premium that slices may add to a market in a window
    bucket_window: int = 60  # seconds
    takeover: int = 300  # seconds after which an auction has failed
    gas_feed: int = 0  # of the chain's coin, for keepers' gas; 0 makes up for none

    def market(self, name: str) -> MarketConfig:
        return next(market for market in self.markets if market.name == name)


@dataclass(frozen=True)
class Network:
    """Where to deploy: a file of networks/."""

    name: str
    chain_id: int
    rpc: str  # URL
    confirmations: int  # blocks on top of a transaction's before the next step, its own included
    config: DeploymentConfig


def load_network(name: str, folder: Path = NETWORKS) -> Network:
    """A network by the name of its file, e.g. "base-sepolia"; or by a path to a file."""
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml")))
        raise DeploymentError(f"no network {name}: {known}, or the path of a TOML file")
    fields = _read(path).get("network", {})
    found = {"chain_id": int, "rpc": str, "confirmations": int}
    for key, kind in found.items():
        if type(fields.get(key)) is not kind:
            raise DeploymentError(f"{path}: [network] needs {key}, {kind.__name__}")
    if unknown := fields.keys() - found:
        raise DeploymentError(f"{path}: {', '.join(sorted(unknown))} is no setting of [network]")
    return Network(path.stem, config=load_config(path), **fields)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(), parse_float=str)
    except (OSError, ValueError) as error:
        raise DeploymentError(f"{path}: {error}") from None


def load_config(path: Path) -> DeploymentConfig:
    """A configuration from TOML: fields of DeploymentConfig, [token], [fund], and markets.

    `markets` is a list of names of files in markets/, or [[markets]] with the fields of such a
    file. What is no setting, or no value of one, is a DeploymentError that begins with the path.
    """
    fields = _read(path)
    fields.pop("network", None)
    try:
        if "token" in fields:
            fields["token"] = TokenConfig(**_checked(TokenConfig(), fields["token"]))
        if "fund" in fields:
            fields["fund"] = FundConfig(**_checked(FundConfig(), fields["fund"]))
        if "markets" in fields:
            fields["markets"] = tuple(
                load_market(MARKETS / f"{market}.toml")
                if isinstance(market, str)
                else _market(market)
                for market in fields["markets"]
            )
        for key, value in fields.items():
            if isinstance(value, list):
                fields[key] = tuple(value)
        return _with_checksums(DeploymentConfig(**_checked(DeploymentConfig(), fields)))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise DeploymentError(f"{path}: {error}") from None


def _with_checksums(config: DeploymentConfig) -> DeploymentConfig:
    """Addresses as the chain gives them back; what is none stays for `problems` to name."""

    def proper(address: str) -> str:
        return checksum(address) if is_address(address) else address

    token = config.token
    if token.address is not None:
        token = replace(token, address=proper(token.address))
    return replace(
        config,
        signers=tuple(map(proper, config.signers)),
        governors=tuple(map(proper, config.governors)),
        executors=tuple(map(proper, config.executors)),
        guardian=proper(config.guardian),
        token=token,
    )


def load_market(path: Path) -> MarketConfig:
    """A market from its file: `perpetual`'s arguments, max_age, max_step, [quote] and [breaker]."""
    fields = _read(path)
    try:
        return _market(fields)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise DeploymentError(f"{path}: {error}") from None


def problems(config: DeploymentConfig, local: bool) -> list[str]:
    """What must be put right before anything is sent, each with what to do."""
    found = []
    if len(config.signers) < config.threshold:
        found.append(
            f"signers: {len(config.signers)} named, {config.threshold} needed: "
            "write the addresses of the price signers"
        )
    if not config.governors:
        found.append("governors: nobody could ever propose: write their addresses")
    if not config.guardian:
        found.append("guardian: write the address that may pause openings and revoke venues")
    named = [*config.signers, *config.governors, *config.executors, config.guardian]
    for address in named:
        if address and not is_address(address):
            found.append(f"{address} is no address: 0x and 40 hexadecimal digits")
    if not local:
        known = known_addresses()
        found += [
            f"the key of {address} is known to all: not on a real network"
            for address in dict.fromkeys(named)
            if address.lower() in known
        ]
    ids = [market.instrument for market in config.markets]
    if len(set(ids)) < len(ids):
        found.append("markets: two have the same underlying")
    return found


@cache
def known_addresses() -> frozenset[str]:
    """Of keys that everybody has: our roles and the mnemonic of local nodes. Lower case."""
    roles = ["deployer", "governor", "guardian", *(f"signer {i}" for i in range(16))]
    return frozenset({*(local_address(role).lower() for role in roles), *MNEMONIC_ADDRESSES})


# "test test test test test test test test test test test junk", as anvil, hardhat and ape derive it
MNEMONIC_ADDRESSES = frozenset(
    {
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
        "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "0x976ea74026e726554db657fa54763abd0c3a0aa9",
        "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "0xa0ee7a142d267c1f36714e4a8f75612f20a79720",
        "0xbcd4042de499d14e55001ccbb24a551f3b954096",
        "0x71be63f3384f5fb98995898a86b02fb2426c5788",
        "0xfabb0ac9d68b0b445fb7357272ff202c5651694a",
        "0x1cbd3b2770909d4e10f157cabc84c7264073c9ec",
        "0xdf3e18d64bc6a983f673ab319ccae4f1a57c7097",
        "0xcd3b766ccdd6ae721141f452c550ca635964ce71",
        "0x2546bcd3c84621e976d8185a91a922ae77ecec30",
        "0xbda5747bfd65f08deb54cb465eb87d40e51b197e",
        "0xdd2fd4581271e230360230f9337d5c0430bf44c0",
        "0x8626f6940e2eb28930efb4cef49b2d1f2c9c1199",
    }
)


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
        elif default is not None and type(value) is not type(default) and name not in TABLES:
            raise ValueError(f"{name} = {value!r} is not of the kind of {default!r}")
    return fields


def is_address(text: str) -> bool:
    """0x and 20 bytes of hexadecimal digits."""
    try:
        return text.startswith("0x") and len(text) == 42 and len(bytes.fromhex(text[2:])) == 20
    except ValueError:
        return False


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
    if "breaker" in fields:
        own["breaker"] = BreakerConfig(**_checked(BreakerConfig(), fields.pop("breaker")))
    text = {"name"}
    for name, value in fields.items():
        if name not in text and not _is_number(value):
            raise ValueError(f"{name} = {value!r} of a market is no number from 0 on")
    market = replace(perpetual(**fields), **own)
    _check_breaker(market)
    return market


def _check_breaker(market: MarketConfig) -> None:
    """What CircuitBreaker.set_settings would refuse."""
    settings = market.breaker.settings
    if not settings.within_bounds():
        raise ValueError("[breaker] is out of the bounds of ICircuitBreaker.set_settings")
    if settings.outage and settings.outage * breaker.MINUTE <= market.max_age:
        raise ValueError(
            f"outage = {settings.outage} minutes of [breaker] must be more than max_age = "
            f"{market.max_age} seconds"
        )
