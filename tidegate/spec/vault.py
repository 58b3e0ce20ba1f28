"""The counterparty and its shareholders (contracts/vaults/, ILiquidityVault.vyi)."""

from dataclasses import dataclass
from typing import NamedTuple

from tidegate.spec import funding, quote, words
from tidegate.spec.clearing import COLLATERAL, LP_RIGHT, ClearingHouse
from tidegate.spec.host import Host, Table, require
from tidegate.spec.oracle import PriceOracle
from tidegate.spec.rounding import PPM, WAD, div_down, div_up
from tidegate.spec.words import FULL_SCALE, Field, Word

VIRTUAL = 10**6
MIN_PRICE = 10**21  # of a share, 1e-27: below it the vault is as good as lost
MAX_PRICE = 2**160 - 1
PRICE_ONE = 10**27
WHOLE = 10**9  # of a redemption
ALL = 10**7  # of what a redemption got: principal and gain
RINGS = 4
PLACES = 32  # of an epoch, for requests of a kind that have bounds
RING = 128  # slots that the oracle keeps
MAX_REQUEST = 2**96 - 1
MAX_SUM = 2**104 - 1
MAX_OWED = 2**112 - 1
MAX_TIME = 2**32 - 1

CLOSED = 1
DEPOSIT = 2
REDEEM = 3
RETURNED_IN_PART = 4
PAID_IN_PART = 5


@dataclass(frozen=True, slots=True)
class Quote(Word):
    """How the vault quotes an instrument, ppm."""

    volatility_share: int = 0  # half spread ppm per volatility ppm, 1e-6
    half_spread: int = 0
    max_half_spread: int = 0
    max_premium: int = 0

    LAYOUT = {  # noqa: RUF012
        "volatility_share": Field(60, 20, unit=10**6),
        "half_spread": Field(40, 20, unit=10**6),
        "max_half_spread": Field(20, 20, unit=10**6),
        "max_premium": Field(0, 20, unit=10**6),
    }


class Request(NamedTuple):
    """What an account asked for; `principal` and `gain` are what a claim in part left."""

    kind: int = 0
    epoch: int = 0
    amount: int = 0
    least: int = 0
    deadline: int = 0
    principal: int = 0
    gain: int = 0


class Waiting(NamedTuple):
    """An epoch's requests: sums of those without bounds, accounts of others; the epoch before."""

    previous: int = 0
    deposits: int = 0
    redemptions: int = 0
    depositing: tuple[int, ...] = ()
    redeeming: tuple[int, ...] = ()


class Settled(NamedTuple):
    """An epoch's terms; price 0: everything comes back."""

    price: int
    filled: int
    time: int
    principal: int = ALL


def bought(assets: int, settled: Settled) -> int:
    """Shares for a deposit: the price was rounded down, one unit more is never too cheap."""
    return assets * PRICE_ONE // (settled.price + 1)


def sold(shares: int, settled: Settled) -> tuple[int, int]:
    """Collateral for a redemption, and shares that come back."""
    served = shares * settled.filled // WHOLE
    return served * settled.price // PRICE_ONE, shares * (WHOLE - settled.filled) // WHOLE


def taken(request: Request, settled: Settled) -> bool:
    """Whether a deposit or redemption takes part: priced, in time, within its bound."""
    if settled.price == 0 or request.deadline < settled.time:
        return False
    if request.kind == DEPOSIT:
        return bought(request.amount, settled) >= request.least
    return request.amount * settled.price // PRICE_ONE >= request.least


def outcome(request: Request, settled: Settled) -> tuple[int, int, int]:
    """For the requester: collateral that is principal or a gain, and shares; got or come back."""
    if request.kind > REDEEM:
        return request.principal, request.gain, 0
    deposit = request.kind == DEPOSIT
    if not taken(request, settled):
        return (request.amount, 0, 0) if deposit else (0, 0, request.amount)
    if deposit:
        return 0, 0, bought(request.amount, settled)
    assets, back = sold(request.amount, settled)
    return assets * settled.principal // ALL, assets * (ALL - settled.principal) // ALL, back


def share_price(equity: int, supply: int) -> int:
    """Collateral per share, 1e-27, rounded down; 0: no price that is fair to both sides."""
    if equity < 0:
        return 0
    if supply < VIRTUAL:
        return PRICE_ONE
    price = (equity + VIRTUAL) * PRICE_ONE // (supply + VIRTUAL)
    return price if MIN_PRICE <= price <= MAX_PRICE else 0


class LiquidityVault:
    """The contract's twin; shares are kept by owner."""

    def __init__(
        self,
        host: Host,
        address: int,
        core: ClearingHouse,
        oracle: PriceOracle,
        owner: int,
        epoch_seconds: int,
        stress_share: int,
    ) -> None:
        self.host = host
        self.address = address
        self.core = core
        self.oracle = oracle
        self.owner = owner
        self.epoch_seconds = epoch_seconds
        self.stress_share = stress_share
        self.treasury = words.treasury(address)
        self.escrow = words.request_escrow(address)
        self.payouts = words.account(address, 2)
        self.gains = words.account(address, 3)
        self.quotes: Table[int, Quote] = Table(host, Quote())  # listed instruments only
        self.requests: Table[int, Request] = Table(host, Request())
        self.settled: Table[int, Settled | None] = Table(host, None)
        self.waiting: Table[int, Waiting] = Table(host, Waiting())
        self.newest: Table[str, int] = Table(host, 0)
        self.rings: Table[int, int] = Table(host, 0)  # which epoch holds the places
        self.shares: Table[int, int] = Table(host, 0)
        self.supply: Table[str, int] = Table(host, 0)
        core.covers_stress[address] = self.covers_stress

    # The counterparty

    def quote(self, instrument: int, size: int, mark: int, volatility: int, moved: int = 0) -> int:
        """`moved`: of the skew, by fills that come before this one."""
        require(instrument in self.quotes, "NotListed")
        require(size != 0, "ZeroAmount")
        terms = self.quotes[instrument]
        spread = min(
            terms.max_half_spread, terms.half_spread + volatility * terms.volatility_share // PPM
        )
        price = quote.price(
            size,
            self.core.interest[instrument].skew + moved,
            mark,
            self._scale(instrument),
            terms.max_premium,
            spread,
        )
        return words.fits(price, 256)

    def equity(self) -> int:
        return self._worth()[0]

    def stress(self) -> tuple[int, int]:
        return self._worth()[1], self._caps_stress()

    def covers_stress(self) -> tuple[bool, int]:
        """Whether gains may leave, and what all claims together lack."""
        equity, present = self._worth()
        return present == 0 or equity >= present, max(-equity, 0)

    def poke_caps(self) -> None:
        with self.host.call():
            self._scale_caps(self._worth()[0])

    def absorb(self) -> None:
        with self.host.call():
            self._absorb()

    # Requests

    def request_deposit(
        self, account: int, amount: int, least: int, deadline: int, sender: int
    ) -> None:
        with self.host.call():
            self._require_lp(account, sender)
            held = self._cash(self.escrow)
            self.core.transfer(account, self.escrow, COLLATERAL, amount, self.address)
            arrived = self._cash(self.escrow) - held
            self._enter(account, DEPOSIT, arrived, least, deadline)

    def request_redeem(
        self, account: int, shares: int, least: int, deadline: int, sender: int
    ) -> None:
        with self.host.call():
            self._require_lp(account, sender)
            self._move_shares(sender, self.address, shares)
            self._enter(account, REDEEM, shares, least, deadline)

    def process_epoch(self, epoch: int) -> None:
        with self.host.call():
            close = (epoch + 1) * self.epoch_seconds
            require(close <= self.host.now, "TooSoon")
            waiting = self._next(epoch)
            # what is still booked would cut the gains in these claims a second time
            self._absorb()
            equity, present = self._worth(close)
            price = share_price(equity, self.supply["all"])
            settled = Settled(price, WHOLE, self.host.now)
            assets_in, minted, assets_out, burnt = self._totals(waiting, settled)
            kept = div_up(present * PPM, self.stress_share)
            # without a pool to draw from only the treasury pays
            most = equity if list(self.quotes) else min(equity, self._cash(self.treasury))
            room = max(most + assets_in - kept, 0)
            if assets_out > room:
                settled = settled._replace(filled=room * WHOLE // assets_out)
                assets_in, minted, assets_out, burnt = self._totals(waiting, settled)
            if burnt:
                principal = self.core.cash[self.treasury, COLLATERAL].principal
                principal = principal * burnt // self.supply["all"]
                settled = self._pay_out(assets_out, principal, settled)
                self.supply["all"] -= burnt
                self.shares[self.address] -= burnt
            if assets_in:
                self._transfer(self.escrow, self.treasury, assets_in)
                self.supply["all"] += minted
                self.shares[self.address] += minted
            self.settled[epoch] = settled
            self.waiting[epoch] = Waiting()
            self._scale_caps(equity + assets_in - assets_out)

    def claim(self, account: int) -> None:
        self.claim_part(account, 2**256 - 1)

    def claim_part(self, account: int, most: int) -> None:
        with self.host.call():
            require(most != 0, "ZeroAmount")
            request = self.requests[account]
            require(request.kind > CLOSED, "NoRequest")
            settled = self.settled[request.epoch]
            require(settled is not None, "NotProcessed")
            assert settled is not None
            principal, gain, shares = outcome(request, settled)
            paid = min(principal, most)
            won = min(gain, most - paid)
            deposited = request.kind in (DEPOSIT, RETURNED_IN_PART)
            principal, gain = principal - paid, gain - won
            if principal or gain:
                require(principal <= MAX_OWED and gain <= MAX_OWED, "AmountTooLarge")
                part = RETURNED_IN_PART if deposited else PAID_IN_PART
                owed = Request(part, request.epoch, principal=principal, gain=gain)
                self.requests[account] = owed
            else:
                self.requests[account] = Request(kind=CLOSED)
            if shares:
                self._move_shares(self.address, words.owner_of(account), shares)
            if paid:
                self._transfer(self.escrow if deposited else self.payouts, account, paid)
            if won:
                self._transfer(self.gains, account, won)

    def transfer_shares(self, target: int, amount: int, sender: int) -> None:
        with self.host.call():
            require(target != self.address, "NotPermitted")
            self._move_shares(sender, target, amount)

    # Governance

    def set_quote(self, instrument: int, terms: Quote, sender: int) -> None:
        """Lists an instrument or changes its quote, as long as no potential changes."""
        with self.host.call():
            require(sender == self.owner, "NotOwner")
            risk = self.core.risk[instrument]
            mine = self.core.vaults[COLLATERAL] == self.address
            require(risk is not None and risk.settle_asset == COLLATERAL and mine, "NotListed")
            limits = self.core.limits[instrument]
            require(
                0 < terms.max_premium <= limits.max_premium
                and terms.half_spread <= terms.max_half_spread <= limits.max_half_spread
                and terms.volatility_share <= PPM,
                "OutOfBounds",
            )
            if instrument in self.quotes:
                skew, scale = self.core.interest[instrument].skew, self._scale(instrument)
                now = quote.potential_numerator(skew, scale, terms.max_premium)
                then = quote.potential_numerator(skew, scale, self.quotes[instrument].max_premium)
                require(now == then, "TooSoon")
            self.quotes[instrument] = terms
            # a market begins with its whole cap, even against an empty vault
            self._scale_caps(self._worth()[0])

    # Value

    def _worth(self, close: int = 0) -> tuple[int, int]:
        """Equity, rounded down, and the stress loss of present open interest, rounded up."""
        core = self.core
        equity = self._cash(self.treasury)
        equity += self._cash(words.deficits(core.address, COLLATERAL))
        present = 0
        pools = {self._pool(instrument) for instrument in self.quotes}
        for pool in pools:
            purse = core.cash[pool, COLLATERAL]
            equity += purse.cash - purse.principal
        for instrument in sorted(self.quotes):
            interest = core.interest[instrument]
            if not interest.long_side and not interest.short_side:
                continue
            mark = self._mark(instrument, close)
            risk = core.risk[instrument]
            assert risk is not None
            indices, _, _ = funding.accrued(
                core.indices[instrument],
                interest,
                core.carry[instrument],
                risk,
                mark,
                self.host.now,
            )
            held = core.positions[self._pool(instrument), instrument]
            equity += div_down(held.size * mark, WAD)
            equity -= funding.due_up(held.size, indices.of(held.size), held.checkpoint)
            equity -= quote.potential_up(
                interest.skew, risk.skew_scale, self.quotes[instrument].max_premium, mark
            )
            side = max(interest.long_side, interest.short_side)
            present += self._stress_up(instrument, side, mark)
        # crumbs that shared losses leave in a side must not hold back gains for ever
        return equity, present if present >= WAD else 0

    def _caps_stress(self) -> int:
        return sum(
            self._stress_up(i, self.core.trade[i].hard_cap, self._mark(i, 0)) for i in self.quotes
        )

    def _stress_up(self, instrument: int, side: int, mark: int) -> int:
        return div_up(side * mark * self.core.limits[instrument].stress, WAD * PPM)

    def _mark(self, instrument: int, close: int) -> int:
        feed = words.underlying_of(instrument)
        price, fresh = self.oracle.latest(feed, self.host.now)
        if close:
            require(fresh, "StalePrice")
            newest = self.oracle.feeds[feed]
            require(newest.slot * self.oracle.slot_seconds >= close, "TooSoon")
            # in the second of a change fills may have had it, though it is not in force yet
            price = newest.price
        return price

    def _scale_caps(self, equity: int) -> None:
        caps = self._caps_stress() * PPM
        allowed = max(equity, 0) * self.stress_share
        scale = FULL_SCALE * allowed // caps if caps > allowed else FULL_SCALE
        for instrument in self.quotes:
            if self.core.interest[instrument].scale != scale:
                self.core.scale_caps(instrument, scale, self.address)

    def _absorb(self) -> None:
        core = self.core
        for pool in {self._pool(instrument) for instrument in self.quotes}:
            core.sweep_fees(pool, COLLATERAL)
        # insurance paid what it could when it got its fees
        booked = core.booked(COLLATERAL)
        payment = min(booked, self._worth()[0] + booked)
        if payment > 0:
            self._fund_treasury(payment)
            self._transfer(self.treasury, words.deficits(core.address, COLLATERAL), payment)

    def _fund_treasury(self, amount: int) -> None:
        """Draws what the treasury lacks from the first pool: only their sum has a meaning."""
        lack = amount - self._cash(self.treasury)
        if lack > 0:
            self._transfer(self._pool(min(self.quotes)), self.treasury, lack)

    # Helpers

    def _require_lp(self, account: int, sender: int) -> None:
        require(self.core.may(account, sender, LP_RIGHT), "NotPermitted")

    def _enter(self, account: int, kind: int, amount: int, least: int, deadline: int) -> None:
        """Into the epoch's sums; with a bound, into one of its places."""
        require(amount != 0, "ZeroAmount")
        require(amount <= MAX_REQUEST and least <= MAX_REQUEST, "AmountTooLarge")
        require(deadline >= self.host.now, "TooLate")
        require(self.requests[account].kind <= CLOSED, "RequestPending")
        epoch = self.host.now // self.epoch_seconds
        waiting = self.waiting[epoch]
        if waiting == Waiting():
            waiting = Waiting(previous=self.newest["all"])
            self.newest["all"] = epoch
        deadline = min(deadline, MAX_TIME)
        bound = least != 0 or deadline < MAX_TIME
        places, total = ("depositing", "deposits")
        if kind == REDEEM:
            places, total = ("redeeming", "redemptions")
        if bound:
            held = getattr(waiting, places)
            require(len(held) < PLACES, "EpochFull")
            holder = self.rings[epoch % RINGS]
            free = holder in (0, epoch) or self.settled[holder] is not None
            require(free, "EpochFull")
            self.rings[epoch % RINGS] = epoch
            waiting = waiting._replace(**{places: (*held, account)})
        else:
            new = getattr(waiting, total) + amount
            require(new <= MAX_SUM, "AmountTooLarge")
            waiting = waiting._replace(**{total: new})
        self.waiting[epoch] = waiting
        self.requests[account] = Request(kind, epoch, amount, least, deadline)

    def _next(self, epoch: int) -> Waiting:
        """An epoch's requests; earlier epochs come first."""
        waiting = self.waiting[epoch]
        require(waiting != Waiting(), "NoRequest")
        previous = waiting.previous
        require(previous == 0 or self.settled[previous] is not None, "TooSoon")
        return waiting

    def _totals(self, waiting: Waiting, settled: Settled) -> tuple[int, int, int, int]:
        """Sums of what the claims will do: collateral in, minted, collateral out, burnt."""
        assets_in = minted = assets_out = burnt = 0
        if settled.price:
            assets_in, redemptions = waiting.deposits, waiting.redemptions
            minted = bought(assets_in, settled)
            assets_out, back = sold(redemptions, settled)
            burnt = redemptions - back
        for account in (*waiting.depositing, *waiting.redeeming):
            request = self.requests[account]
            if not taken(request, settled):
                continue
            if request.kind == DEPOSIT:
                assets_in += request.amount
                minted += bought(request.amount, settled)
            else:
                assets, back = sold(request.amount, settled)
                assets_out += assets
                burnt += request.amount - back
        return assets_in, minted, assets_out, burnt

    def _pay_out(self, assets: int, principal: int, settled: Settled) -> Settled:
        """Set aside what redemptions got: principal of the treasury, gains from a pool.

        `principal` is the part of the shares that are burnt; what they lost of it ends there.
        """
        share = principal * ALL // assets if assets > principal else ALL
        kept = assets * share // ALL
        purse = self.treasury
        if len(self.quotes):
            purse = self._pool(min(self.quotes))
            if principal > assets:
                self._transfer(self.treasury, purse, principal - assets)
        if kept:
            self._transfer(self.treasury, self.payouts, kept)
        if assets != kept:
            self._transfer(purse, self.gains, assets - kept)
        return settled._replace(principal=share)

    def _move_shares(self, source: int, target: int, amount: int) -> None:
        require(target != 0, "NotPermitted")
        require(self.shares[source] >= amount, "InsufficientShares")
        self.shares[source] -= amount
        self.shares[target] += amount

    def _transfer(self, source: int, target: int, amount: int) -> None:
        self.core.transfer(source, target, COLLATERAL, amount, self.address)

    def _cash(self, account: int) -> int:
        return self.core.cash[account, COLLATERAL].cash

    def _pool(self, instrument: int) -> int:
        return words.pool(self.address, words.underlying_of(instrument))

    def _scale(self, instrument: int) -> int:
        risk = self.core.risk[instrument]
        assert risk is not None
        return risk.skew_scale
