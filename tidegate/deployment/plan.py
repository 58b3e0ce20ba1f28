"""The one list of what a deployment does, in order: pure, from a configuration and a sender.

Addresses follow from the sender's nonces. A step has a stable id; what it would send is known
before anything is sent, but for the prices that local chains sign for themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import rlp
from eth_abi import encode
from eth_utils import keccak

from tidegate import artifacts
from tidegate.abi import checksum
from tidegate.artifacts import Artifact
from tidegate.deployment.config import (
    ANYONE,
    BREAKER,
    COLLATERAL,
    CONTRACTS,
    LIQUIDATION,
    TOKEN,
    TRADING,
    DeploymentConfig,
    MarketConfig,
    TokenConfig,
)
from tidegate.deployment.deployed import hash_of
from tidegate.spec import words
from tidegate.spec.rounding import WAD

CREATE, CALL, PRICE, WAIT = "create", "call", "price", "wait"
PPM = 10**6
ROLES = ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")
NO_PREDECESSOR = b"\0" * 32

Settings = tuple[tuple[str, str], ...]  # name and value, in people's units


@dataclass(frozen=True)
class Origin:
    """From where a plan starts: who sends, with which nonce, and what is there already."""

    sender: str
    nonce: int
    local: bool  # the chain's prices are ours to sign
    created: Mapping[str, str] = field(default_factory=dict)  # name -> address


@dataclass(frozen=True)
class Call:
    """A call that the timelock makes."""

    contract: str  # name
    to: str
    function: str
    data: bytes
    settings: Settings = ()

    @property
    def what(self) -> str:
        return f"{self.contract}.{self.function}"


@dataclass(frozen=True)
class Operation:
    """Calls that the timelock makes together."""

    timelock: str  # address
    calls: tuple[Call, ...]
    salt: bytes

    @property
    def batch(self) -> tuple[list[str], list[int], list[bytes], bytes, bytes]:
        """Arguments of schedule_batch and execute_batch."""
        targets = [call.to for call in self.calls]
        return targets, [0] * len(targets), self.payloads, NO_PREDECESSOR, self.salt

    @property
    def payloads(self) -> list[bytes]:
        return [call.data for call in self.calls]

    @property
    def id(self) -> bytes:
        """As the timelock's hash_operation_batch."""
        return keccak(
            encode(["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"], self.batch)
        )

    def schedule(self, delay: int) -> bytes:
        return _encode("Timelock", "schedule_batch", *self.batch, delay)

    def execute(self) -> bytes:
        return _encode("Timelock", "execute_batch", *self.batch)


@dataclass(frozen=True)
class Step:
    """One transaction, or one condition to wait for."""

    id: str
    kind: str
    to: str = ""  # of a call
    data: bytes = b""
    name: str = ""  # of a contract created
    source: str = ""
    args: tuple[Any, ...] = ()
    nonce: int | None = None  # of a creation that is still to do: its address depends on it
    address: str = ""  # of a contract created
    operation: bytes = b""  # id, of the timelock
    feed: int = 0
    price: int = 0  # 1e-18
    settings: Settings = ()

    @property
    def content(self) -> str:
        """The hash of what is sent: of a creation, its code with arguments."""
        return hash_of(self.data)


@dataclass(frozen=True)
class Plan:
    steps: tuple[Step, ...]
    contracts: Mapping[str, str]  # name -> address

    def step(self, identity: str) -> Step:
        return next(step for step in self.steps if step.id == identity)


def create_address(sender: str, nonce: int) -> str:
    """Of the contract that a transaction with this nonce creates."""
    return checksum("0x" + keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[12:].hex())


def plan(config: DeploymentConfig, origin: Origin) -> Plan:
    """The steps; reads sources and nothing else, changes nothing."""
    builder = _Creations(origin)
    _create_all(builder, config, origin.sender)
    addresses = builder.addresses
    feeds = {market.feed: market for market in config.markets}
    feed_calls = [feed_call(addresses["PriceOracle"], market) for market in feeds.values()]
    steps = [*builder.steps, *_govern("feeds", addresses, feed_calls, 1)]
    if origin.local:
        steps += [
            Step(
                f"price-{feed}",
                PRICE,
                addresses["PriceOracle"],
                feed=feed,
                price=words.to_units(market.opening_price, WAD),
                settings=((f"first price of feed {feed}", market.opening_price),),
            )
            for feed, market in feeds.items()
        ]
    waiting = tuple((f"feed {feed}", "a price in force") for feed in feeds)
    steps.append(Step("first-prices", WAIT, addresses["PriceOracle"], settings=waiting))
    listing = [*_listing(config, addresses), *_handover(config, addresses, origin.sender)]
    steps += _govern("markets", addresses, listing, 2)
    return Plan(tuple(steps), addresses)


class _Creations:
    """Creations in order; those that are done keep their addresses and take no nonce."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.nonce = origin.nonce
        self.addresses: dict[str, str] = {}
        self.steps: list[Step] = []
        self.sources = artifacts.artifacts([*CONTRACTS, TOKEN])

    def create(self, name: str, *args: Any, source: str = "", **units: str) -> str:
        """`units` says arguments in people's units, by their names."""
        artifact = self.sources[source or name]
        nonce = None
        address = self.origin.created.get(name)
        if address is None:
            nonce = self.nonce
            address = create_address(self.origin.sender, nonce)
            self.nonce += 1
        self.addresses[name] = address
        named = zip(_arguments(artifact), args, strict=True)
        self.steps.append(
            Step(
                f"create-{name}",
                CREATE,
                data=artifact.bytecode + artifact.abi.encode_constructor(args),
                name=name,
                source=artifact.name,
                args=args,
                nonce=nonce,
                address=address,
                settings=tuple((key, units.get(key, _text(value))) for key, value in named),
            )
        )
        return address


def _arguments(artifact: Artifact) -> list[str]:
    constructors = [entry for entry in artifact.entries if entry["type"] == "constructor"]
    return [item["name"] for constructor in constructors for item in constructor["inputs"]]


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value)


def percent(share: str | Decimal) -> str:
    """0.05 as "5 %"."""
    return f"{(Decimal(share) * 100).normalize():f} %"


def _create_all(builder: _Creations, config: DeploymentConfig, sender: str) -> None:
    create, token = builder.create, config.token
    timelock = create("Timelock", 0, [sender], [sender], delay="0 s until the last step")
    oracle = create(
        "PriceOracle",
        timelock,
        config.slot_seconds,
        sorted(config.signers, key=lambda signer: int(signer, 16)),
        config.threshold,
        config.faulty,
        slot_seconds=f"{config.slot_seconds} s",
    )
    configurator = create("Configurator", timelock, config.guardian)
    losses = create("SharedLosses")
    core = create("ClearingHouse", oracle, configurator, losses)
    if token.address is None:
        create("Token", token.name, token.symbol, token.decimals, source=TOKEN)
    else:
        builder.addresses["Token"] = token.address
    vault = create(
        "LiquidityVault",
        core,
        oracle,
        timelock,
        config.epoch_seconds,
        words.to_units(config.stress_share, PPM),
        epoch_seconds=f"{config.epoch_seconds} s",
        stress_share=percent(config.stress_share),
    )
    terms = config.fund
    create(
        "GuarantyFund",
        core,
        timelock,
        terms.parameters.pack(),
        parameters=(
            f"{percent(terms.pledged)} pledged, of that {percent(terms.assessed)} in "
            f"{terms.assessment} s; bidders {percent(terms.payment)}, {percent(terms.day_share)} a "
            f"day; notice {terms.notice} s, claimed in {terms.window} s; gifts in {terms.vesting} s"
        ),
    )
    exchange = create(
        "Exchange",
        core,
        oracle,
        vault,
        config.window,
        words.to_units(config.min_keeper_fee, WAD),
        words.to_units(config.lapse_ratio, PPM),
        window=f"{config.window} s",
        min_keeper_fee=f"{config.min_keeper_fee} tokens",
        lapse_ratio=percent(config.lapse_ratio),
    )
    liquidator = create(
        "Liquidator",
        core,
        oracle,
        vault,
        timelock,
        config.reward_window,
        words.to_units(config.bucket, PPM),
        config.bucket_window,
        config.takeover,
        config.gas_feed,
        reward_window=f"{config.reward_window} s",
        bucket=percent(config.bucket),
        bucket_window=f"{config.bucket_window} s",
        takeover=f"{config.takeover} s",
        gas_feed=str(config.gas_feed),
    )
    fund = builder.addresses["GuarantyFund"]
    create("CircuitBreaker", timelock, configurator, core, oracle, liquidator, fund)
    create("LensAccounts", core, oracle, liquidator)
    create("LensMarkets", core, oracle, vault, exchange)


def _govern(
    name: str, addresses: Mapping[str, str], calls: Sequence[Call], number: int
) -> list[Step]:
    """Schedule and execute one operation; possible at once while the delay is zero."""
    timelock = addresses["Timelock"]
    salt = keccak(text=f"tidegate deployment {number}")
    operation = Operation(timelock, tuple(calls), salt)
    said = tuple((f"{call.what}: {key}", value) for call in calls for key, value in call.settings)
    return [
        Step(f"schedule-{name}", CALL, timelock, operation.schedule(0), operation=operation.id),
        Step(
            f"execute-{name}",
            CALL,
            timelock,
            operation.execute(),
            operation=operation.id,
            settings=said,
        ),
    ]


def _encode(source: str, function: str, *args: Any) -> bytes:
    return artifacts.artifact(source).abi.functions[function].encode(args)


def call_of(
    addresses: Mapping[str, str], name: str, function: str, args: Sequence[Any], settings: Settings
) -> Call:
    """A call of a contract of the deployment."""
    return Call(name, addresses[name], function, _encode(name, function, *args), settings)


# What the timelock is told


def feed_arguments(market: MarketConfig) -> tuple[int, int, int]:
    """Of PriceOracle.set_feed."""
    return market.feed, market.max_age, words.to_units(market.max_step, PPM)


def feed_call(oracle: str, market: MarketConfig) -> Call:
    said = (
        ("feed", str(market.feed)),
        ("max age", f"{market.max_age} s"),
        ("max step", percent(market.max_step)),
    )
    return call_of({"PriceOracle": oracle}, "PriceOracle", "set_feed", feed_arguments(market), said)


def asset_of(token: TokenConfig, address: str) -> words.Asset:
    return words.Asset.human(
        escrow=token.escrow_cap,
        share=token.outflow_share,
        window=token.outflow_window,
        token_decimals=token.decimals,
        token=int(address, 16),
    )


def asset_word(token: TokenConfig, address: str) -> int:
    return asset_of(token, address).pack()


def market_calls(addresses: Mapping[str, str], market: MarketConfig) -> list[Call]:
    """List a market whose feed has a price in force."""
    terms = (market.risk, market.trade, market.limits)
    said = [("market", f"{market.name} = {market.instrument}")]
    for word in terms:
        said += [(key, f"{value.normalize():f}") for key, value in word.decimals().items()]
    packed = (word.pack() for word in terms)
    core, instrument = addresses["ClearingHouse"], market.instrument
    quote = market.quote
    asked = [
        ("market", market.name),
        ("max premium", percent(quote.max_premium)),
        ("max half spread", percent(quote.max_half_spread)),
        ("half spread", percent(quote.half_spread)),
        ("half spread per volatility", quote.volatility),
    ]
    settings = market.breaker.settings
    brakes = [("market", market.name)]
    brakes += [(key, f"{value.normalize():f}") for key, value in settings.decimals().items()]
    brake = (instrument, settings.pack())
    return [
        call_of(addresses, "Configurator", "set_terms", (core, instrument, *packed), tuple(said)),
        call_of(addresses, "LiquidityVault", "set_quote", (instrument, quote.pack()), tuple(asked)),
        call_of(addresses, "CircuitBreaker", "set_settings", brake, tuple(brakes)),
    ]


def _listing(config: DeploymentConfig, addresses: Mapping[str, str]) -> list[Call]:
    token, core = config.token, addresses["ClearingHouse"]
    word = asset_word(token, addresses["Token"])
    said = (
        ("token", addresses["Token"]),
        ("decimals", str(token.decimals)),
        ("outflow", f"{percent(token.outflow_share)} in {token.outflow_window} s"),
        ("escrow cap", f"{token.escrow_cap} tokens"),
        ("vault", addresses["LiquidityVault"]),
    )
    args = (core, COLLATERAL, word, addresses["LiquidityVault"])
    calls = [call_of(addresses, "Configurator", "add_asset", args, said)]
    args = (core, COLLATERAL, addresses["GuarantyFund"])
    said = (("out of reach of venues", "accounts 0 to 3 of GuarantyFund"),)
    calls.append(call_of(addresses, "Configurator", "reserve", args, said))
    for market in config.markets:
        calls += market_calls(addresses, market)
    for venue, role in VENUES.items():
        said = ((venue, ROLE_NAMES[role]),)
        args = (core, addresses[venue], role)
        calls.append(call_of(addresses, "Configurator", "set_venue", args, said))
    fund = addresses["GuarantyFund"]
    said = (("deficits and bidders paid by", "GuarantyFund"),)
    calls.append(call_of(addresses, "Liquidator", "set_fund", (fund,), said))
    return calls


# Who may call `clear`, and as what, and who sets the brakes. The vault moves cash of its own
# accounts only.
VENUES = {"Exchange": TRADING, "Liquidator": LIQUIDATION, "CircuitBreaker": BREAKER}
ROLE_NAMES = {TRADING: "trading", LIQUIDATION: "liquidation", BREAKER: "brakes"}


def role_id(name: str) -> bytes:
    """As AccessControl has it."""
    return keccak(text=name)


def members_of(config: DeploymentConfig, role: str) -> tuple[str, ...]:
    return config.executors if role == "EXECUTOR_ROLE" else config.governors


def _handover(config: DeploymentConfig, addresses: Mapping[str, str], sender: str) -> list[Call]:
    """The end of the set-up: governors in, deployer out, delay up."""

    def call(function: str, args: Sequence[Any], *said: tuple[str, str]) -> Call:
        return call_of(addresses, "Timelock", function, args, said)

    calls = []
    for governor in config.governors:
        for role in ("PROPOSER_ROLE", "CANCELLER_ROLE"):
            calls.append(call("grantRole", (role_id(role), governor), (role, governor)))
    for executor in config.executors:
        role = "EXECUTOR_ROLE"
        who = "anyone" if executor == ANYONE else executor
        calls.append(call("grantRole", (role_id(role), executor), (role, who)))
    for role in ROLES:
        if sender not in members_of(config, role):
            calls.append(call("revokeRole", (role_id(role), sender), (role, sender)))
    delay = call("update_delay", (config.delay,), ("delay", f"{config.delay} s"))
    return [*calls, delay]
