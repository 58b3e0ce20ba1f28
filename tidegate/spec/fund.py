"""What stands between insurance and the vault (contracts/vaults/, IGuarantyFund.vyi)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, LIQUIDATION, LP_RIGHT, ClearingHouse
from tidegate.spec.host import Host, Table, require
from tidegate.spec.rounding import PPM, div_up
from tidegate.spec.vault import LiquidityVault
from tidegate.spec.words import RESERVED, Field, Word

DAY = 86_400
VIRTUAL = 10**6
PRICE_ONE = 10**27
MIN_PRICE = 10**21  # of a share, 1e-27
MAX_TOTAL = 2**112 - 1  # of both tranches
MAX_SHARES = 2**128 - 1  # of a notice


def allocate(deficit: int, layers: Sequence[int]) -> tuple[list[int], int]:
    """What each layer pays of a deficit, the first until it is empty; what nobody pays."""
    paid = []
    for layer in layers:
        paid.append(min(deficit, max(layer, 0)))
        deficit -= paid[-1]
    return paid, deficit


@dataclass(frozen=True, slots=True)
class Parameters(Word):
    """What the owner sets."""

    vesting: int = 7 * DAY  # seconds in which a gift becomes the shares'
    window: int = 2 * DAY  # in which a notice that has run is claimed
    notice: int = 14 * DAY
    assessment: int = 30 * DAY  # in which the assessed share of the pledge is the most
    day_share: int = 50_000  # ppm of the fund to bidders in a day
    payment: int = 10_000  # and at once
    assessed: int = 250_000  # ppm of the pledge
    pledged: int = 500_000  # ppm of a contribution

    LAYOUT = {  # noqa: RUF012
        "vesting": Field(176, 32),
        "window": Field(144, 32),
        "notice": Field(112, 32),
        "assessment": Field(80, 32),
        "day_share": Field(60, 20, unit=10**6),
        "payment": Field(40, 20, unit=10**6),
        "assessed": Field(20, 20, unit=10**6),
        "pledged": Field(0, 20, unit=10**6),
    }

    def check(self) -> None:
        """OutOfBounds unless the fund takes them."""
        require(
            100_000 <= self.pledged <= 900_000
            and 10_000 <= self.assessed <= 500_000
            and self.payment <= 50_000
            and self.payment <= self.day_share <= 200_000
            and 7 * DAY <= self.assessment <= 90 * DAY
            and 7 * DAY <= self.notice <= 60 * DAY
            and DAY <= self.window <= self.notice // 2
            and DAY <= self.vesting <= 90 * DAY,
            "OutOfBounds",
        )


class Vesting(NamedTuple):
    """Gifts that become the shares' evenly from `since` to `until`."""

    amount: int = 0
    since: int = 0
    until: int = 0

    def left(self, now: int) -> int:
        """What is nobody's yet, rounded up: against the shares."""
        if now >= self.until:
            return 0
        return div_up(self.amount * (self.until - now), self.until - self.since)


class Assessment(NamedTuple):
    """What of the pledge may still be taken, until when."""

    left: int = 0
    until: int = 0


class Drawn(NamedTuple):
    """What went out in a day, of that to bidders; the fund before the first of it."""

    day: int = 0
    amount: int = 0
    bidders: int = 0
    size: int = 0


class Notice(NamedTuple):
    """Shares that leave; price of a share when notice was given."""

    shares: int = 0
    matures: int = 0
    closes: int = 0
    price: int = 0


class GuarantyFund:
    """The contract's twin; shares are kept by owner."""

    def __init__(
        self,
        host: Host,
        address: int,
        core: ClearingHouse,
        vault: LiquidityVault,
        owner: int,
        parameters: Parameters,
    ) -> None:
        parameters.check()
        self.host = host
        self.address = address
        self.core = core
        self.vault = vault
        self.owner = owner
        self.account = words.account(address)
        self.deficits = words.deficits(core.address, COLLATERAL)
        self.insurance = words.insurance(core.address, COLLATERAL)
        self.parameters: Table[str, Parameters] = Table(host, parameters)
        self.tranches: Table[str, int] = Table(host, 0)  # "mutual", "pledge"
        self.vesting: Table[str, Vesting] = Table(host, Vesting())
        self.assessment: Table[str, Assessment] = Table(host, Assessment())
        self.day: Table[str, Drawn] = Table(host, Drawn())
        self.notices: Table[int, Notice] = Table(host, Notice())
        self.shares: Table[int, int] = Table(host, 0)
        self.supply: Table[str, int] = Table(host, 0)

    # Readings

    @property
    def terms(self) -> Parameters:
        return self.parameters["all"]

    @property
    def mutual(self) -> int:
        return self.tranches["mutual"]

    @property
    def pledge(self) -> int:
        return self.tranches["pledge"]

    @property
    def total(self) -> int:
        return self.mutual + self.pledge

    @property
    def unvested(self) -> int:
        return self.vesting["all"].left(self.host.now)

    @property
    def worth(self) -> int:
        """Of all shares."""
        return self.total - self.unvested

    @property
    def assessable(self) -> int:
        left, until = self.assessment["all"]
        if self.host.now >= until:
            return self.pledge * self.terms.assessed // PPM
        return min(left, self.pledge)

    @property
    def today(self) -> Drawn:
        day = self.host.now // DAY
        drawn = self.day["all"]
        return drawn if drawn.day == day else Drawn(day, 0, 0, self.total)

    @property
    def given(self) -> int:
        """What came without a deposit and is in no book yet; only what carries principal."""
        held = min(self.core.cash[self.account, COLLATERAL].principal, MAX_TOTAL)
        return max(0, held - self.total)

    def price(self) -> int:
        """Of a share, 1e-27, rounded down."""
        supply = self.supply["all"]
        if supply < VIRTUAL:
            return PRICE_ONE
        return (self.worth + VIRTUAL) * PRICE_ONE // (supply + VIRTUAL)

    def drawn(self) -> tuple[int, int]:
        return self.today.amount, self.today.size

    def capacity(self) -> tuple[int, int]:
        return self.mutual + self.given, self.assessable

    def payment_of(self, amount: int) -> int:
        """What a bidder would get: insurance pays first, so what it holds is taken off."""
        insured = max(0, self._cash(self.insurance))
        insured += sum(self.core.cash[pool, COLLATERAL].principal for pool in self._pools())
        today, terms = self.today, self.terms
        in_day = max(0, today.size * terms.day_share // PPM - today.bidders)
        most = min(today.size * terms.payment // PPM, in_day, self.mutual)
        return min(max(0, amount - insured), most)

    # The waterfall

    def cover(self, asset: int) -> int:
        with self.host.call():
            return self._cover()[0] if asset == COLLATERAL else 0

    def pay_bidder(self, account: int, amount: int, sender: int) -> int:
        with self.host.call():
            require(self.core.venues[sender].role == LIQUIDATION, "NotVenue")
            self._cover()
            self._collect()
            paid = self.payment_of(amount)
            if paid:
                self._take(paid, 0, bidder=True)
                self._send(account, paid)
            return paid

    def collect(self) -> None:
        with self.host.call():
            self._collect()

    # Shareholders

    def contribute(self, account: int, amount: int, least: int, sender: int) -> int:
        with self.host.call():
            self._require_lp(account, sender)
            _, rest = self._cover()
            require(rest == 0, "DeficitBooked")
            self._collect()
            price = self.price()
            require(price >= MIN_PRICE, "NoSharePrice")
            before = self.core.cash[self.account, COLLATERAL]
            require(before.flags & RESERVED != 0, "NotReserved")
            self.core.transfer(account, self.account, COLLATERAL, amount, self.address)
            arrived = self.core.cash[self.account, COLLATERAL].principal - before.principal
            require(self.total + arrived <= MAX_TOTAL, "AmountTooLarge")
            minted = arrived * PRICE_ONE // (price + 1)
            require(minted != 0, "ZeroAmount")
            require(minted >= least, "LimitBroken")
            pledged = arrived * self.terms.pledged // PPM
            self.tranches["mutual"] += arrived - pledged
            self.tranches["pledge"] += pledged
            self.shares[words.owner_of(account)] += minted
            self.supply["all"] += minted
            return minted

    def give_notice(self, account: int, shares: int, sender: int) -> None:
        with self.host.call():
            self._require_lp(account, sender)
            self._cover()
            self._collect()
            require(shares != 0, "ZeroAmount")
            require(shares <= MAX_SHARES, "AmountTooLarge")
            require(not self.notices[account].shares, "RequestPending")
            matures = self.host.now + self.terms.notice
            closes = matures + self.terms.window
            self.notices[account] = Notice(shares, matures, closes, self.price())
            self._move_shares(sender, self.address, shares)

    def claim(self, account: int, least: int, sender: int) -> int:
        with self.host.call():
            self._require_lp(account, sender)
            notice = self.notices[account]
            require(notice.shares != 0, "NoRequest")
            require(self.host.now >= notice.matures, "TooSoon")
            require(self.host.now < notice.closes, "TooLate")
            _, rest = self._cover()
            self._collect()
            self.notices[account] = Notice()
            price, worth = self.price(), self.worth
            assets = min(notice.shares * min(price, notice.price) // PRICE_ONE, worth)
            whole = min(notice.shares * price // PRICE_ONE, worth)
            self._burn(notice.shares)
            self._leave(assets, worth)
            self._vest(min(whole - assets, self.mutual - self.unvested))
            charge = div_up(assets * min(rest, worth), worth) if rest and assets else 0
            require(assets - charge >= least, "LimitBroken")
            self._send(self.deficits, charge)
            self._send(account, assets - charge)
            return assets - charge

    def cancel(self, account: int, sender: int) -> None:
        with self.host.call():
            notice = self.notices[account]
            late = self.host.now >= notice.closes
            require(late or self.core.may(account, sender, LP_RIGHT), "NotPermitted")
            self._cover()
            self._collect()
            require(notice.shares != 0, "NoRequest")
            self.notices[account] = Notice()
            price = self.price()
            back = notice.shares
            if price > notice.price:
                back = notice.shares * notice.price // price
                burnt = notice.shares - back
                self._burn(burnt)
                self._vest(min(burnt * price // PRICE_ONE, self.mutual - self.unvested))
            self._move_shares(self.address, words.owner_of(account), back)

    def transfer_shares(self, target: int, amount: int, sender: int) -> None:
        with self.host.call():
            require(target != self.address, "NotPermitted")
            self._move_shares(sender, target, amount)

    # Governance

    def set_parameters(self, parameters: Parameters, sender: int) -> None:
        with self.host.call():
            require(sender == self.owner, "NotOwner")
            parameters.check()
            self.parameters["all"] = parameters

    # Helpers

    def _cover(self) -> tuple[int, int]:
        """What the fund paid; what neither it nor insurance may pay now."""
        if not self.core.booked(COLLATERAL):
            return 0, 0
        for pool in self._pools():
            if self.core.cash[pool, COLLATERAL].principal:
                self.core.sweep_fees(pool, COLLATERAL)
        booked = self.core.booked(COLLATERAL)
        need = max(0, booked - max(0, self._cash(self.insurance)))
        if not need:
            return 0, 0
        self._collect()
        (mutual, assessed), rest = allocate(need, (self.mutual, self.assessable))
        self._take(mutual, assessed)
        self._send(self.deficits, mutual + assessed)
        return mutual + assessed, rest

    def _collect(self) -> None:
        gift = self.given
        self.tranches["mutual"] += gift
        self._vest(gift)

    def _vest(self, amount: int) -> None:
        """The end is the average of ends weighted by amounts, rounded up."""
        if not amount:
            return
        now, left = self.host.now, self.unvested
        rest = self.vesting["all"].until - now if left else 0
        length = div_up(left * rest + amount * self.terms.vesting, left + amount)
        self.vesting["all"] = Vesting(left + amount, now, now + length)

    def _take(self, mutual: int, assessed: int, bidder: bool = False) -> None:
        """Out of the books, noted for the day; what vests goes first."""
        if not mutual + assessed:
            return
        now, today = self.host.now, self.today
        self.day["all"] = today._replace(
            amount=today.amount + mutual + assessed,
            bidders=today.bidders + (mutual if bidder else 0),
        )
        if assessed:
            left, until = self.assessable, self.assessment["all"].until
            if now >= until:
                until = now + self.terms.assessment
            self.assessment["all"] = Assessment(left - assessed, until)
        left = self.unvested
        if left and mutual:
            until = self.vesting["all"].until
            self.vesting["all"] = Vesting(max(0, left - mutual), now, until)
        self.tranches["mutual"] -= mutual
        self.tranches["pledge"] -= assessed

    def _leave(self, assets: int, worth: int) -> None:
        """Out of both tranches alike; what may be assessed shrinks with the pledge."""
        if not assets:
            return
        pledge = self.pledge
        out = pledge * assets // worth
        left, until = self.assessment["all"]
        if out and self.host.now < until:
            self.assessment["all"] = Assessment(left * (pledge - out) // pledge, until)
        self.tranches["pledge"] -= out
        self.tranches["mutual"] -= assets - out

    def _burn(self, amount: int) -> None:
        self.shares[self.address] -= amount
        self.supply["all"] -= amount

    def _move_shares(self, source: int, target: int, amount: int) -> None:
        require(target != 0, "NotPermitted")
        require(self.shares[source] >= amount, "InsufficientShares")
        self.shares[source] -= amount
        self.shares[target] += amount

    def _send(self, target: int, amount: int) -> None:
        if amount:
            self.core.transfer(self.account, target, COLLATERAL, amount, self.address)

    def _require_lp(self, account: int, sender: int) -> None:
        require(self.core.may(account, sender, LP_RIGHT), "NotPermitted")

    def _cash(self, account: int) -> int:
        return self.core.cash[account, COLLATERAL].cash

    def _pools(self) -> list[int]:
        at = self.vault.address
        return sorted({words.pool(at, words.underlying_of(i)) for i in self.vault.quotes})
