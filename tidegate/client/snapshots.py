"""What a user sees of a market and of an account at one moment: Decimals of whole units."""

from dataclasses import dataclass
from decimal import Decimal

from tidegate.client.units import human
from tidegate.client.venue import COLLATERAL, Venue
from tidegate.spec import words


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Prices in the collateral, sizes in units of the underlying, the rate per day."""

    name: str
    price: Decimal
    fresh: bool
    long_side: Decimal
    short_side: Decimal
    funding_rate: Decimal
    pot: Decimal
    cap_scale: Decimal

    @property
    def skew(self) -> Decimal:
        return self.long_side - self.short_side


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """Amounts in the collateral, positions in units of the underlying by market."""

    account: int
    cash: Decimal
    principal: Decimal
    equity: Decimal
    initial: Decimal
    maintenance: Decimal
    notional: Decimal
    positions: dict[str, Decimal]

    @property
    def leverage(self) -> Decimal | None:
        """Notional over equity; None without equity."""
        return self.notional / self.equity if self.equity > 0 else None


def market(venue: Venue, name: str) -> MarketSnapshot:
    instrument = venue.markets[name].instrument
    price, fresh = venue.oracle.call("latest", venue.markets[name].feed)
    interest = words.Interest.unpack(venue.core.call("interest_word", instrument))
    carry = words.Carry.unpack(venue.core.call("carry_word", instrument))
    return MarketSnapshot(
        name,
        human(price),
        fresh,
        human(interest.long_side),
        human(interest.short_side),
        human(carry.rate, 15),
        human(carry.pot),
        Decimal(interest.scale) / words.FULL_SCALE,
    )


def account(venue: Venue, account_id: int) -> AccountSnapshot:
    cash = words.Cash.unpack(venue.core.call("cash_word", account_id, COLLATERAL))
    health = venue.core.call("health", account_id)
    held = words.held(venue.core.call("account_word", account_id))
    positions = {}
    for instrument in held:
        word = venue.core.call("position_word", account_id, instrument)
        positions[venue.market_of(instrument).name] = human(words.Position.unpack(word).size)
    return AccountSnapshot(
        account_id,
        human(cash.cash),
        human(cash.principal),
        *(human(amount) for amount in health),
        positions,
    )
