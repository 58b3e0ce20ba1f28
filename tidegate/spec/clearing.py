"""The ledger and its laws (contracts/core/, IClearingHouse.vyi).

Written from the rules, not from the code: the state before a call is looked at before the call, and
the verdict compares it with the state after.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from tidegate.spec import funding, margin, words
from tidegate.spec.host import Host, Table, require
from tidegate.spec.rounding import PPM, WAD, div_down, div_up
from tidegate.spec.shared_losses import SharedLosses
from tidegate.spec.words import (
    ALIVE,
    ESCROW,
    FIRST_EPOCH,
    FULL_SCALE,
    HOLDS,
    POOL,
    RESERVED,
    Asset,
    Carry,
    Cash,
    Field,
    Indices,
    Interest,
    Limits,
    Position,
    Risk,
    Trade,
    Word,
    fits,
)

COLLATERAL = 0
TRADING = 1
LIQUIDATION = 2
BREAKER = 4
THROTTLED, REDUCE_ONLY, AUCTION_ONLY, HALTED = 1, 2, 3, 4  # levels of a brake
TRADE_RIGHT = 1
MOVE_RIGHT = 2
LP_RIGHT = 4
MAX_FILL_SIZE = 2**103
MAX_FILL_PRICE = 2**90
MAX_AMOUNT = 2**120
MAX_TOKENS = 2**112
MAX_FILLS = 8
NOBODY = 0  # an account that no fill is of


class Fill(NamedTuple):
    """taker gains `size` of the instrument from maker at `price`, and pays the fee to it.

    A fill of instrument 0 moves its fee only.
    """

    taker: int
    maker: int
    instrument: int
    size: int
    price: int
    fee: int
    slot: int = 0


class Prices(Protocol):
    """The twin of the price oracle."""

    def latest(self, feed: int, now: int) -> tuple[int, bool]: ...

    def slot_price(self, feed: int, slot: int) -> tuple[int, int]: ...


class Token(Protocol):
    """An ERC-20 in its own decimals."""

    def balance_of(self, holder: int) -> int: ...

    def transfer_from(self, payer: int, receiver: int, amount: int) -> None: ...

    def transfer(self, sender: int, receiver: int, amount: int) -> None: ...


@dataclass(frozen=True, slots=True)
class State:
    """An account at the price in force, accrued to now; collateral, 1e-18."""

    equity: int
    initial: int
    maintenance: int
    notional: int
    fresh: bool
    sizes: dict[int, int]
    marks: dict[int, int]


@dataclass(frozen=True, slots=True)
class Venue(Word):
    """Role, and the guardian's pause of openings."""

    next_pause: int = 0
    paused_until: int = 0
    role: int = 0

    LAYOUT = {  # noqa: RUF012
        "next_pause": Field(48, 40),
        "paused_until": Field(8, 40),
        "role": Field(0, 8),
    }


def names_pool(account: int) -> bool:
    """Whether the sub-account is of the form kept for pools."""
    return (account & (2**96 - 1)) >> 64 == 1


def cost_up(fill: Fill) -> int:
    """Cash the taker pays for the fill without its fee."""
    return div_up(fill.size * fill.price, WAD)


class ClearingHouse:
    """The contract's twin. `sender` is the caller's address as an integer."""

    def __init__(
        self,
        host: Host,
        address: int,
        oracle: Prices,
        token_at: Callable[[int], Token],
        configurator: int,
    ) -> None:
        self.host = host
        self.address = address
        self.oracle = oracle
        self.token_at = token_at
        self.configurator = configurator
        self.covers_stress: dict[int, Callable[[], tuple[bool, int]]] = {}  # by the vault's address
        self.held: Table[int, tuple[int, ...]] = Table(host, ())  # instruments of an account
        self.rights: Table[tuple[int, int], tuple[int, int]] = Table(host, (0, 0))
        self.cash: Table[tuple[int, int], Cash] = Table(host, Cash())
        self.positions: Table[tuple[int, int], Position] = Table(host, Position())
        self.indices: Table[int, Indices] = Table(host, Indices())
        self.interest: Table[int, Interest] = Table(host, Interest())
        self.carry: Table[int, Carry] = Table(host, Carry())
        self.risk: Table[int, Risk | None] = Table(host, None)
        self.trade: Table[int, Trade] = Table(host, Trade())
        self.limits: Table[int, Limits] = Table(host, Limits())
        self.assets: Table[int, Asset | None] = Table(host, None)
        self.vaults: Table[int, int] = Table(host, 0)
        self.outflow: Table[int, tuple[int, int]] = Table(host, (0, 0))  # available, time
        self.venues: Table[int, Venue] = Table(host, Venue())
        self.losses = SharedLosses(host)
        self.backstop = words.backstop(address)

    # Rights

    def set_delegate(self, delegate: int, permissions: int, expiry: int, sender: int) -> None:
        with self.host.call():
            require(permissions < 8 and expiry < 2**64, "OutOfBounds")
            self.rights[sender, delegate] = (permissions, expiry)

    def may(self, account: int, caller: int, permission: int) -> bool:
        owner = words.owner_of(account)
        if owner == caller:
            return True
        granted, expiry = self.rights[owner, caller]
        return permission != 0 and granted & permission == permission and expiry > self.host.now

    # Cash

    def deposit(self, account: int, asset: int, amount: int, sender: int) -> None:
        with self.host.call():
            listed = self._asset(asset)
            require(amount != 0, "ZeroAmount")
            require(amount < MAX_TOKENS, "AmountTooLarge")
            # the bucket fills by what was held so far: tokens that come for a moment free no gain
            self._refill(asset, 0)
            self.token_at(listed.token).transfer_from(sender, self.address, amount)
            credited = amount * listed.one
            self._credit(account, asset, credited, credited)

    def withdraw(self, account: int, asset: int, amount: int, receiver: int, sender: int) -> None:
        with self.host.call():
            listed = self._asset(asset)
            require(amount < MAX_TOKENS, "AmountTooLarge")
            require(receiver not in (0, self.address), "NotPermitted")
            debit = amount * listed.one
            principal = self._debit(account, asset, debit, sender)
            paid = self._release(asset, debit, principal, listed.one)
            self.token_at(listed.token).transfer(self.address, receiver, paid // listed.one)

    def transfer(self, source: int, target: int, asset: int, amount: int, sender: int) -> None:
        with self.host.call():
            same_owner = words.owner_of(source) == words.owner_of(target)
            carried = self._debit(source, asset, amount, sender)
            paid = amount
            # to insurance, or into the deficit itself, nothing leaves the protocol
            if not same_owner and words.owner_of(target) != self.address:
                paid = self._release(asset, amount, carried, 1)
                carried = paid
            self._credit(target, asset, paid, carried)

    def _credit(self, account: int, asset: int, amount: int, principal: int) -> None:
        flags = self.cash[account, asset].flags
        require(not flags & ESCROW, "NotPermitted")
        if flags & POOL:
            # a pool has no principal: whoever pays in makes its shareholders a gift
            self._add_cash(account, asset, amount)
        else:
            self._hold_principal(account, asset)
            self._add_cash(account, asset, amount, principal)

    def _debit(self, account: int, asset: int, amount: int, sender: int) -> int:
        """How much of the amount was principal."""
        require(amount != 0, "ZeroAmount")
        require(amount < MAX_AMOUNT, "AmountTooLarge")
        require(self.may(account, sender, MOVE_RIGHT), "NotPermitted")
        purse = self.cash[account, asset]
        require(not purse.flags & ESCROW, "NotPermitted")
        if purse.flags & POOL:
            self._add_cash(account, asset, -amount)
            return 0
        principal = min(amount, purse.principal)
        self._add_cash(account, asset, -amount, -principal)
        equity, initial, fresh = self.cash[account, asset].cash, 0, True
        if asset == COLLATERAL:
            state = self.state(account)
            equity, initial, fresh = state.equity, state.initial, state.fresh
        require(equity >= 0, "InsufficientCash")
        require(equity >= initial, "InsufficientMargin")
        require(fresh, "StalePrice")
        self._hold_principal(account, asset)
        return principal

    def _refill(self, asset: int, gain: int) -> int:
        """Brings the outflow bucket to now and takes a gain out of it; what is held, 1e-18."""
        listed = self._asset(asset)
        held = self.token_at(listed.token).balance_of(self.address) * listed.one
        size = held * listed.share // PPM
        left, then = self.outflow[asset]
        refill = size * min(self.host.now - then, listed.window) // listed.window
        available = min(size, left + refill)
        require(gain <= available, "OutflowLimit")
        self.outflow[asset] = (available - gain, self.host.now)
        return held

    def _release(self, asset: int, amount: int, principal: int, unit: int) -> int:
        """What of an amount may leave, in whole units; the rest has repaid the booked deficit."""
        gain = amount - principal
        if gain == 0:
            return amount
        held = self._refill(asset, gain)
        covered, residue = self.covers_stress[self.vaults[asset]]()
        require(covered, "VaultShort")
        if residue == 0:
            return amount
        paid = (principal + gain * held // (held + residue)) // unit * unit
        self._add_cash(self._deficits(asset), asset, amount - paid)
        return paid

    # Exposure

    def clear(self, fills: Sequence[Fill], sender: int) -> None:
        with self.host.call():
            venue = self.venues[sender]
            before = {
                side: self.state(side)
                for fill in fills
                for side in (fill.taker, fill.maker)
                if self._has_prices(side)
            }
            skews = {fill.instrument: self.interest[fill.instrument].skew for fill in fills}
            payments = 0
            for fill in fills:
                require(fill.fee < MAX_AMOUNT, "BadFill")
                require(fill.taker not in (fill.maker, NOBODY), "BadFill")
                # cash that no trade with a pool explains would revive a lost deposit's principal
                if not names_pool(fill.maker):
                    self._hold_principal(fill.maker, COLLATERAL)
                if fill.instrument == 0:
                    payments = self._carry_fee(fill, venue, sender, payments)
                else:
                    require(venue.role in (TRADING, LIQUIDATION), "NotVenue")
                    self._fill(fill, venue)
                    if venue.role == LIQUIDATION:
                        payments += self._reward(fill)
            for account, liquidated in self._verdicts(fills, venue.role):
                self._judge(account, liquidated, fills, before[account], skews)

    def _has_prices(self, account: int) -> bool:
        return all(self._latest(instrument)[0] for instrument in self.held[account])

    def _latest(self, instrument: int) -> tuple[int, bool]:
        return self.oracle.latest(words.underlying_of(instrument), self.host.now)

    def mark(self, instrument: int) -> tuple[int, bool]:
        """The price in force, and whether it is fresh."""
        price, fresh = self._latest(instrument)
        require(price != 0, "NoPrice")
        return price, fresh

    def reference(self, instrument: int, slot: int) -> int:
        """The mark of a slot, of the price in force for slot 0."""
        if slot == 0:
            return self.mark(instrument)[0]
        price, _ = self.oracle.slot_price(words.underlying_of(instrument), slot)
        require(price != 0, "NoPrice")
        return price

    def _fill(self, fill: Fill, venue: Venue) -> None:
        risk = self.risk[fill.instrument]
        require(risk is not None, "NotListed")
        assert risk is not None
        trade = self.trade[fill.instrument]
        asset = risk.settle_asset
        mark, _ = self.mark(fill.instrument)
        self._accrue(fill.instrument)
        reference = self.reference(fill.instrument, fill.slot)
        liquidation = venue.role == LIQUIDATION

        require(
            0 < abs(fill.size) < MAX_FILL_SIZE
            and 0 < fill.price < MAX_FILL_PRICE
            and not names_pool(fill.taker),
            "BadFill",
        )
        # marks would show a gain that is none: not before the slot's price is in force
        require((reference - mark) * fill.size >= 0, "TooSoon")
        require(abs(fill.price - reference) * PPM <= trade.band * reference, "OutsideBand")
        insured = 0
        pooled = names_pool(fill.maker)
        backed = fill.maker == self.backstop
        if pooled:
            require(fill.maker == self._pool(fill.instrument)[1], "BadFill")
            insured = div_down(fill.fee * trade.insurance_share, PPM)
        else:
            self._hold_principal(fill.taker, asset)
        cost = cost_up(fill) + fill.fee
        interest = self.interest[fill.instrument]
        taker_before = self._fill_side(fill.taker, fill.instrument, fill.size, cost, 0, asset)
        after = self._moved(fill.instrument, interest, taker_before, fill.size)
        if backed:
            require(
                liquidation
                and fill.fee == 0
                and fill.price == mark
                and abs(after.skew) > abs(interest.skew),
                "BadLiquidation",
            )
            after = self._share_loss(fill, after, cost, mark)
        else:
            maker_before = self._fill_side(
                fill.maker, fill.instrument, -fill.size, -cost, insured, asset
            )
            if not pooled:
                after = self._moved(fill.instrument, after, maker_before, -fill.size)
        after.pack()
        self.interest[fill.instrument] = after
        if after.long_side > interest.long_side or after.short_side > interest.short_side:
            require(self.host.now >= venue.paused_until and risk.brake < REDUCE_ONLY, "Paused")
            fuller = max(after.long_side, after.short_side)
            require(fuller <= after.scaled_down(trade.hard_cap), "OpenInterestCap")
            calmer = abs(after.skew) <= abs(interest.skew)
            roomy = risk.brake == 0 and abs(after.skew) <= trade.soft_cap
            require(calmer or roomy, "SkewCap")
        size = abs(taker_before + fill.size)
        require(size == 0 or size * mark >= trade.minimum_notional * WAD, "BelowMinimum")
        reduces = size < abs(taker_before) and abs(fill.size) <= abs(taker_before)
        require(reduces or not liquidation, "BadLiquidation")
        most = div_up(abs(fill.size) * fill.price * trade.taker_fee, WAD * PPM)
        require(liquidation or fill.fee <= most, "FeeTooHigh")

    def _moved(self, instrument: int, interest: Interest, size: int, change: int) -> Interest:
        """After a position changed. No side falls below zero: what positions, rounded, hold beyond
        it the backstop takes, and the pool does not."""
        after, risk = interest.moved(size, change), self.risk[instrument]
        if risk is None or not risk.shared:
            return after
        after, lack = after.floored()
        if lack:
            self._back(instrument, lack)
            _, pool = self._pool(instrument)
            left = self.positions[pool, instrument].size - lack
            indices = self.indices[instrument]
            self.positions[pool, instrument] = Position(left, indices.of(left), FIRST_EPOCH)
        return after

    def _share_loss(self, fill: Fill, interest: Interest, cost: int, mark: int) -> Interest:
        """Closes as much of the other side, all of its positions alike, through the pot."""
        instrument = fill.instrument
        total = interest.long_side if fill.size > 0 else -interest.short_side
        indices, rest = self.losses.share(
            instrument, self.indices[instrument], total, fill.size, mark
        )
        self.indices[instrument] = indices
        self._back(instrument, -fill.size)
        # what is left when a generation ends is the pool's, which pays the mark for it
        taken = div_up(rest * mark, WAD)
        asset, pool = self._pool(instrument)
        held = self.positions[pool, instrument]
        size = held.size + rest
        self._add_cash(pool, asset, -taken)
        self.positions[pool, instrument] = replace(held, size=size, checkpoint=indices.of(size))
        if rest:
            self._back(instrument, -rest)
        risk, carry = self.risk[instrument], self.carry[instrument]
        assert risk is not None
        self.risk[instrument] = replace(risk, shared=1)
        pot = fits(carry.pot + cost + taken, 112, signed=True)
        self.carry[instrument] = replace(carry, pot=pot)
        return interest.moved(total, -fill.size - rest)

    def _back(self, instrument: int, change: int) -> None:
        """Keeps what positions are written to hold, and no longer do."""
        size = self.positions[self.backstop, instrument].size + change
        position = Position(size, 0, FIRST_EPOCH)
        position.pack()
        self.positions[self.backstop, instrument] = position

    def settle(self, account: int, instrument: int) -> None:
        with self.host.call():
            held = self.positions[account, instrument]
            risk = self.risk[instrument]
            size = self._standing(account, instrument, self.indices[instrument])[0]
            require(risk is not None and size != held.size, "NotListed")
            assert risk is not None
            self._fill_side(account, instrument, 0, 0, 0, risk.settle_asset)

    def set_brake(self, instrument: int, level: int, sender: int) -> None:
        with self.host.call():
            require(self.venues[sender].role == BREAKER, "NotVenue")
            risk = self.risk[instrument]
            require(risk is not None, "NotListed")
            assert risk is not None
            require(level <= HALTED, "OutOfBounds")
            self.risk[instrument] = replace(risk, brake=level)

    def size_of(self, account: int, instrument: int) -> int:
        return self._standing(account, instrument, self.indices[instrument])[0]

    def _standing(self, account: int, instrument: int, indices: Indices) -> tuple[int, int]:
        """What a position is now, and what it owes the pot."""
        held, risk = self.positions[account, instrument], self.risk[instrument]
        if risk is not None and risk.shared and not names_pool(account):
            return self.losses.standing(instrument, held, indices)
        return held.size, self._due(held, indices)

    def _fill_side(
        self, account: int, instrument: int, change: int, pays: int, insured: int, asset: int
    ) -> int:
        """Settles what is due, then moves position and cash; the size before."""
        indices = self.indices[instrument]
        held = self.positions[account, instrument]
        before, due = self._standing(account, instrument, indices)
        after = before + change
        risk = self.risk[instrument]
        pooled = names_pool(account)
        epoch = FIRST_EPOCH
        if risk is not None and risk.shared and not pooled:
            epoch = self.losses.now[instrument].epoch
        position = Position(after, indices.of(after), epoch)
        position.pack()
        self.positions[account, instrument] = position
        if held.size != before:
            self._back(instrument, held.size - before)

        purse = self.cash[account, asset]
        require(not purse.flags & (ESCROW | RESERVED), "BadFill")
        flags = purse.flags | ALIVE
        if not purse.flags & POOL:
            ids = set(self.held[account])
            if held.size == 0:
                require(len(ids) < words.POSITIONS, "TooManyPositions")
                ids.add(instrument)
            elif after == 0:
                ids.remove(instrument)
            self.held[account] = tuple(sorted(ids))
            flags = flags | HOLDS if ids else flags & ~HOLDS
        purse = Cash(purse.cash - pays - due, purse.principal + insured, flags)
        purse.pack()
        self.cash[account, asset] = purse
        carry = self.carry[instrument]
        self.carry[instrument] = replace(carry, pot=fits(carry.pot + due, 112, signed=True))
        return before

    def _reward(self, fill: Fill) -> int:
        """The most that keepers may get for a slice; a crumb earns nothing."""
        left = self.positions[fill.taker, fill.instrument].size
        least = self.trade[fill.instrument].minimum_notional * WAD
        if left != 0 and abs(fill.size) * self.mark(fill.instrument)[0] < least:
            return 0
        return self.limits[fill.instrument].keeper_reward

    def _carry_fee(self, fill: Fill, venue: Venue, sender: int, carried: int) -> int:
        """A fill of nothing: its fee moves.

        `carried`: for a trading venue what the call's payments have taken so far, for a liquidation
        venue what is left of the keepers' rewards.
        """
        require(fill.size == 0 and fill.price == 0, "BadFill")
        flags = self.cash[fill.taker, COLLATERAL].flags
        self._move(fill.taker, fill.maker, COLLATERAL, fill.fee)
        if flags & ESCROW:
            mine = words.owner_of(fill.taker) == sender
            # a venue that was revoked may empty its escrow, no more
            require(mine and self.cash[fill.taker, COLLATERAL].cash >= 0, "InsufficientCash")
            return carried
        require(venue.role in (TRADING, LIQUIDATION) and not flags & RESERVED, "NotVenue")
        if venue.role == LIQUIDATION:
            require(bool(flags & POOL) and fill.fee <= carried, "FeeTooHigh")
            return carried - fill.fee
        cap = self._asset(COLLATERAL).escrow_cap
        require(not flags & POOL and carried + fill.fee <= cap, "FeeTooHigh")
        return carried + fill.fee

    # The verdict

    def state(self, account: int) -> State:
        """Equity and requirements without crowding."""
        equity = self.cash[account, COLLATERAL].cash
        initial = maintenance = notional = worth = 0
        fresh = True
        sizes: dict[int, int] = {}
        marks: dict[int, int] = {}
        nets: dict[int, tuple[int, Risk]] = {}
        for instrument in self.held[account]:
            risk = self.risk[instrument]
            assert risk is not None
            mark, is_fresh = self.mark(instrument)
            fresh = fresh and is_fresh
            size, due = self._standing(account, instrument, self._scaled(instrument))
            equity -= due
            sizes[instrument], marks[instrument] = size, mark
            notional += margin.notional_up(size, mark)
            contingency = margin.contingency_up(size, mark, risk)
            initial += contingency
            maintenance += contingency
            underlying = words.underlying_of(instrument)
            net, _ = nets.get(underlying, (0, risk))
            nets[underlying] = (net + size * mark, risk)
        for net, risk in nets.values():
            worth += net
            initial += margin.shock_up(net, risk.initial_shock)
            maintenance += margin.shock_up(net, risk.maintenance_shock)
        equity += div_down(worth, WAD)
        return State(equity, initial, maintenance, notional, fresh, sizes, marks)

    def health(self, account: int) -> tuple[int, int, int, int]:
        state = self.state(account)
        return state.equity, state.initial, state.maintenance, state.notional

    def _verdicts(self, fills: Sequence[Fill], role: int) -> list[tuple[int, bool]]:
        """Who is judged, and whether as a liquidated account, in the order of the judgement."""
        verdicts: list[tuple[int, bool]] = []
        last = NOBODY
        for fill in fills:
            plain = not self.cash[fill.taker, COLLATERAL].flags & (POOL | ESCROW)
            if fill.taker != last and plain:
                last = fill.taker
                verdicts.append((last, role == LIQUIDATION))
            if fill.instrument != 0 and not names_pool(fill.maker):
                verdicts.append((fill.maker, False))
        return verdicts

    def _judge(
        self,
        account: int,
        liquidated: bool,
        fills: Sequence[Fill],
        before: State,
        skews: dict[int, int],
    ) -> None:
        after = self.state(account)
        initial = after.initial + self._crowding(before, after, skews)
        if liquidated or after.equity < initial or not after.fresh:
            max_cost = max_penalty = 0
            for instrument, size in before.sizes.items():
                left = abs(after.sizes.get(instrument, 0))
                closed = max(0, abs(size) - left) * before.marks[instrument]
                limits = self.limits[instrument]
                max_cost += div_down(closed * limits.max_cost, WAD * PPM)
                max_penalty += div_down(closed * limits.penalty, WAD * PPM)
            fees = sum(fill.fee for fill in fills if fill.taker == account)
            paid = self._above_reference(account, fills)
            if liquidated:
                require(before.equity < before.maintenance, "NotLiquidatable")
                lack_falls = after.maintenance - after.equity < before.maintenance - before.equity
                fair = fees == 0 or (
                    fees <= max_penalty
                    and before.equity > 0
                    and after.equity * before.notional >= before.equity * after.notional
                )
                require(lack_falls and paid - fees <= max_cost and fair, "BadLiquidation")
            else:
                lower = after.maintenance < before.maintenance or (
                    after.maintenance == before.maintenance and after.equity > before.equity
                )
                handed = sum(
                    fill.fee for fill in fills if fill.taker == account and fill.instrument == 0
                )
                # with nothing left to lose it would pay its friends with the vault's money
                no_thinner = (before.equity <= 0 and handed == 0) or (
                    after.equity >= 0
                    and after.equity * before.maintenance >= before.equity * after.maintenance
                )
                short = after.equity < initial
                require(
                    lower and paid <= max_cost and no_thinner,
                    "InsufficientMargin" if short else "StalePrice",
                )
        self._hold_principal(account, COLLATERAL)

    def _crowding(self, before: State, after: State, skews: dict[int, int]) -> int:
        """What initial margin gains for positions that grew while |skew| grew."""
        crowding = 0
        for instrument, size in after.sizes.items():
            interest = self.interest[instrument]
            grew = abs(size) > abs(before.sizes.get(instrument, 0))
            if grew and abs(interest.skew) > abs(skews.get(instrument, interest.skew)):
                crowding += margin.crowding_up(
                    margin.notional_up(size, after.marks[instrument]),
                    abs(interest.skew),
                    interest.side(size),
                    self.trade[instrument],
                )
        return crowding

    def _above_reference(self, account: int, fills: Sequence[Fill]) -> int:
        """What the account paid above the references, fees included."""
        worse = fees = 0
        for fill in fills:
            against = 0
            if fill.instrument != 0:
                against = (fill.price - self.reference(fill.instrument, fill.slot)) * fill.size
            if fill.taker == account:
                worse += against
                fees += fill.fee
            elif fill.maker == account:
                worse -= against
        return div_up(worse, WAD) + fees

    def _net(self, account: int, asset: int) -> int:
        if asset == COLLATERAL:
            return self.state(account).equity
        return self.cash[account, asset].cash

    def _hold_principal(self, account: int, asset: int) -> None:
        """A lost deposit frees no later gain."""
        purse = self.cash[account, asset]
        principal = min(purse.principal, max(0, self._net(account, asset)))
        if principal != purse.principal:
            self.cash[account, asset] = replace(purse, principal=principal)

    # Carry

    def _accrued(self, instrument: int) -> tuple[Indices, Interest, Carry]:
        risk = self.risk[instrument]
        assert risk is not None
        return funding.accrued(
            self.indices[instrument],
            self.interest[instrument],
            self.carry[instrument],
            risk,
            self.mark(instrument)[0],
            self.host.now,
        )

    def _scaled(self, instrument: int) -> Indices:
        """Indices brought to now, with what losses the sides have shared."""
        indices, _, _ = self._accrued(instrument)
        risk = self.risk[instrument]
        assert risk is not None
        if not risk.shared:
            return indices
        return self.losses.scaled(instrument, self.indices[instrument], indices)

    def _accrue(self, instrument: int) -> None:
        indices, interest, carry = self._accrued(instrument)
        # the pool settles whenever its market accrues
        asset, pool = self._pool(instrument)
        held = self.positions[pool, instrument]
        due = self._due(held, indices)
        self._add_cash(pool, asset, -due)
        indices = self._scaled(instrument)
        self.positions[pool, instrument] = replace(held, checkpoint=indices.of(held.size))
        self.indices[instrument] = indices
        self.interest[instrument] = interest
        self.carry[instrument] = replace(carry, pot=fits(carry.pot + due, 112, signed=True))

    def _pool(self, instrument: int) -> tuple[int, int]:
        """The asset an instrument settles in, and the vault's account for its underlying."""
        risk = self.risk[instrument]
        assert risk is not None
        vault = self.vaults[risk.settle_asset]
        return risk.settle_asset, words.pool(vault, words.underlying_of(instrument))

    @staticmethod
    def _due(held: Position, indices: Indices) -> int:
        return funding.due_up(held.size, indices.of(held.size), held.checkpoint)

    def poke(self, instrument: int) -> None:
        with self.host.call():
            require(self.risk[instrument] is not None, "NotListed")
            self._accrue(instrument)

    # Deficits

    def book_deficit(self, account: int, asset: int, sender: int) -> None:
        with self.host.call():
            require(self.venues[sender].role == LIQUIDATION, "NotVenue")
            purse = self.cash[account, asset]
            lack = -purse.cash
            deficits = self._deficits(asset)
            require(
                lack > 0
                and not self.held[account]
                and words.owner_of(account) != self.address
                and not purse.flags & POOL,
                "NoDeficit",
            )
            self._move(deficits, account, asset, lack)
            self._insure(asset)

    def booked(self, asset: int) -> int:
        """The deficit on the books."""
        return max(0, -self.cash[self._deficits(asset), asset].cash)

    def _insure(self, asset: int) -> None:
        """The insurance account pays what it can of the booked deficit."""
        insurance = self._insurance(asset)
        payment = min(self.booked(asset), max(0, self.cash[insurance, asset].cash))
        if payment:
            self._move(insurance, self._deficits(asset), asset, payment)

    def sweep_fees(self, pool: int, asset: int) -> None:
        with self.host.call():
            purse = self.cash[pool, asset]
            require(purse.flags & POOL != 0, "NotPermitted")
            self.cash[pool, asset] = replace(purse, principal=0)
            self._move(pool, self._insurance(asset), asset, purse.principal)
            self._insure(asset)

    def scale_caps(self, instrument: int, scale: int, sender: int) -> None:
        with self.host.call():
            risk = self.risk[instrument]
            mine = risk is not None and sender == self.vaults[risk.settle_asset]
            require(mine, "NotOwner")
            require(scale <= FULL_SCALE, "OutOfBounds")
            self.interest[instrument] = replace(self.interest[instrument], scale=scale)

    # Governance: the Configurator has checked the bounds

    def add_asset(self, asset: int, listed: Asset, vault: int, sender: int) -> None:
        with self.host.call():
            self._require_configurator(sender)
            self.assets[asset] = listed
            self.vaults[asset] = vault
            # the vault's treasury, escrow and payouts, and insurance: no venue touches them
            for sub in range(4):
                self._flag(words.account(vault, sub), asset, RESERVED)
            self._flag(self._insurance(asset), asset, RESERVED)
            self._flag(self.backstop, asset, RESERVED)

    def set_terms(
        self, instrument: int, risk: Risk, trade: Trade, limits: Limits, sender: int
    ) -> None:
        with self.host.call():
            mark, _ = self.mark(instrument)
            new = self.risk[instrument] is None
            if new:
                self.interest[instrument] = Interest(FULL_SCALE, self.host.now)
                self.carry[instrument] = Carry(0, 0, mark)
            else:
                # the interval behind is charged by the terms it began with
                self._accrue(instrument)
            self._require_configurator(sender)
            known = self.risk[instrument] or risk
            self.risk[instrument] = replace(risk, brake=known.brake, shared=known.shared)
            self.trade[instrument] = trade
            self.limits[instrument] = limits
            asset, pool = self._pool(instrument)
            self._flag(pool, asset, POOL)
            if new:
                self.positions[pool, instrument] = Position(0, 0, FIRST_EPOCH)

    def set_venue(self, venue: int, terms: Venue, sender: int) -> None:
        with self.host.call():
            self._require_configurator(sender)
            self.venues[venue] = terms
            if terms.role != 0:
                self._flag(words.account(venue), COLLATERAL, ESCROW)

    def _require_configurator(self, sender: int) -> None:
        require(sender == self.configurator, "NotOwner")

    # The ledger

    def _asset(self, asset: int) -> Asset:
        listed = self.assets[asset]
        require(listed is not None, "NotListed")
        assert listed is not None
        return listed

    def _insurance(self, asset: int) -> int:
        return words.insurance(self.address, asset)

    def _deficits(self, asset: int) -> int:
        return words.deficits(self.address, asset)

    def _flag(self, account: int, asset: int, flag: int) -> None:
        purse = self.cash[account, asset]
        self.cash[account, asset] = replace(purse, flags=purse.flags | ALIVE | flag)

    def _add_cash(self, account: int, asset: int, change: int, principal: int = 0) -> None:
        purse = self.cash[account, asset]
        purse = Cash(purse.cash + change, purse.principal + principal, purse.flags | ALIVE)
        purse.pack()
        self.cash[account, asset] = purse

    def _move(self, source: int, target: int, asset: int, amount: int) -> None:
        self._add_cash(source, asset, -amount)
        self._add_cash(target, asset, amount)

    # The laws, for whoever checks them

    def position_sum(self, instrument: int) -> int:
        """L1: zero."""
        return sum(p.size for (_, i), p in self.positions.items() if i == instrument)

    def cash_sum(self, asset: int) -> int:
        """L2: with donations, what tokens are held (1e-18)."""
        pots = sum(self.carry[i].pot for i, r in self.risk.items() if r and r.settle_asset == asset)
        return pots + sum(p.cash for (_, a), p in self.cash.items() if a == asset)

    def pot_and_dues(self, instrument: int) -> int:
        """L3: not negative once everything due has been settled."""
        raw, _, carry = self._accrued(instrument)
        scaled = self._scaled(instrument)
        return carry.pot + sum(
            self._due(p, raw) if names_pool(a) else self._standing(a, i, scaled)[1]
            for (a, i), p in self.positions.items()
            if i == instrument and a != self.backstop
        )
