"""What an operator chooses for `tidegate keepers run`: a TOML file, options over it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tidegate.artifacts import ROOT
from tidegate.client.units import wad
from tidegate.deployment import MANIFESTS
from tidegate.fees import GWEI
from tidegate.keepers.endpoints import Guard
from tidegate.keepers.lane import Terms
from tidegate.keepers.lease import parse_share
from tidegate.keepers.readings import BidderTerms
from tidegate.keepers.registry import ROLES, choose
from tidegate.keepers.service import Duties
from tidegate.keepers.watch import Limits, Webhook
from tidegate.spec import words

STATE = ROOT / "out" / "keepers"


class SettingsError(Exception):
    """Something an operator can mend; the text says what."""


@dataclass(frozen=True)
class Settings:
    """Every setting with its default; docs/keepers.md says what each is for."""

    network: str = "anvil"
    rpc: tuple[str, ...] = ()  # none: the network's own
    roles: tuple[str, ...] = ()  # none: all
    manifests: Path = MANIFESTS
    state: Path = STATE
    # the loop, seconds
    poll: Decimal = Decimal("0.2")
    block_seconds: int = 1
    drain: Decimal = Decimal(30)
    # nodes
    lag_blocks: int = 5
    lag_seconds: int = 30
    timeout: Decimal = Decimal(4)
    # gas
    max_fee: Decimal = Decimal(200)  # gwei per gas
    least_tip: Decimal = Decimal(0)  # gwei per gas
    patience: Decimal = Decimal(12)  # seconds
    coin_price: Decimal = Decimal(0)  # collateral per coin; 0: profit is not asked
    loss: Mapping[str, Decimal] = field(default_factory=dict)  # collateral per transaction, by role
    # items
    retries: int = 5
    retry_pause: Decimal = Decimal("0.5")  # seconds, doubling
    forgive_after: int = 600  # seconds
    share: str = "0/1"  # this keeper's of all, without a database of leases
    # duties
    caps_every: int = 3600  # seconds; 0: never
    heartbeat: int = 30  # seconds
    deviation: Decimal = Decimal("0.001")
    aggregators: tuple[str, ...] = ()
    # bids: by instrument, the most notional to hold (collateral) and the least discount (share)
    bid_limits: Mapping[str, Decimal] = field(default_factory=dict)
    bid_discounts: Mapping[str, Decimal] = field(default_factory=dict)
    bid_account: int = 0  # of the bidder; 0: the sender's own
    # alarms
    webhook: str = ""
    metrics_port: int = 9464  # 0: none
    low_balance: Decimal = Decimal("0.05")  # coins
    head_age: int = 60  # seconds
    due: int = 300  # seconds

    def __post_init__(self) -> None:
        try:
            choose(self.roles)
            parse_share(self.share)
            if self.webhook:
                Webhook.check(self.webhook)
        except (KeyError, ValueError) as error:
            raise SettingsError(str(error.args[0])) from None
        for url in (*self.rpc, *self.aggregators):
            if urlsplit(url).scheme not in ("http", "https"):
                raise SettingsError("nodes and aggregators are http or https URLs")
        unknown = sorted(self.loss.keys() - ROLES.keys())
        if unknown:
            raise SettingsError(f"loss: no role {', '.join(unknown)}")
        if self.bid_limits.keys() != self.bid_discounts.keys():
            raise SettingsError("bid_limits and bid_discounts name the same instruments")
        if not all(name.isdecimal() for name in self.bid_limits):
            raise SettingsError("bid_limits: an instrument is a number, as in `64`")
        if self.max_fee <= 0 or self.poll <= 0 or self.timeout <= 0 or self.retries < 1:
            raise SettingsError("max_fee, poll, timeout and retries are above 0")

    # For the parts

    @property
    def guard(self) -> Guard:
        return Guard(self.lag_blocks, self.lag_seconds, float(self.timeout))

    @property
    def terms(self) -> Terms:
        return Terms(int(self.max_fee * GWEI), int(self.least_tip * GWEI), float(self.patience))

    def duties(self, address: str) -> Duties:
        """`address`: the sender's."""
        return Duties(
            self.caps_every, self.heartbeat, int(self.deviation * 10**6), self._bidder(address)
        )

    def _bidder(self, address: str) -> BidderTerms | None:
        if not self.bid_limits:
            return None
        return BidderTerms(
            self.bid_account or words.account(address),
            {int(name): wad(limit) for name, limit in self.bid_limits.items()},
            {int(name): int(share * 10**6) for name, share in self.bid_discounts.items()},
        )

    @property
    def limits(self) -> Limits:
        return Limits(self.low_balance, float(self.head_age), float(self.due))

    @property
    def losses(self) -> dict[str, int]:
        return {name: wad(loss) for name, loss in self.loss.items()}


def load_settings(path: Path | None, options: Mapping[str, Any]) -> Settings:
    """The file's settings, and over them the options that were given."""
    content: dict[str, Any] = {}
    if path is not None:
        try:
            content = tomllib.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path} cannot be read: {error}") from None
    content |= {name: value for name, value in options.items() if value not in (None, ())}
    known = {one.name: one for one in fields(Settings)}
    unknown = sorted(content.keys() - known.keys())
    if unknown:
        raise SettingsError(f"{path}: no setting {', '.join(unknown)}")
    defaults = Settings()
    made = {name: _typed(name, value, getattr(defaults, name)) for name, value in content.items()}
    return replace(defaults, **made)


def _typed(name: str, value: Any, default: Any) -> Any:
    try:
        if isinstance(default, Decimal):
            if isinstance(value, bool | float):
                raise SettingsError(f"{name} = {value}: write numbers with a point as strings")
            return Decimal(value)
        if isinstance(default, tuple):
            return tuple(value)
        if isinstance(default, Path):
            return Path(value)
        if isinstance(default, dict):
            return {key: Decimal(one) for key, one in value.items()}
        if type(value) is not type(default):
            raise SettingsError(f"{name} = {value!r} is not of the kind of {default!r}")
        return value
    except (InvalidOperation, TypeError, AttributeError):
        raise SettingsError(f"{name} = {value!r} is not of the kind of {default!r}") from None
