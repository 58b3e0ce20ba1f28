"""Invariants of a state, read from the bytecode's words alone. docs/invariants.md says each."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.stateful.step import Step
from tests.stateful.world import INSTRUMENTS, QUOTE, UNIT
from tidegate.spec import funding, quote, words
from tidegate.spec.clearing import COLLATERAL, names_pool
from tidegate.spec.funding import DAY
from tidegate.spec.rounding import PPM, WAD, div_down
from tidegate.spec.shared_losses import WHOLE, Loss
from tidegate.spec.words import POSITIONS, Carry, Cash, Interest, Position

if TYPE_CHECKING:
    from tests.stateful.system import System

RATE_PER_PPM = 10**9
OLD_PRICE = 4  # wei per open market: marks, dues and potentials are rounded once each
CASH_ROOM = 2**120  # cash and pots stay this far inside their fields


class Broken(AssertionError):
    """An invariant does not hold."""


def hold(ok: bool, what: str) -> None:
    if not ok:
        raise Broken(what)


class StateLaws:
    """Checks that need one state, or the last call's words before and after."""

    def __init__(self, system: "System") -> None:
        self.system = system
        self.purses: Counter[int] = Counter()  # cash by account, from events alone
        self.accrued: dict[int, int] = {}  # newest accrual by instrument
        self.booked = 0  # before the last call

    # What laws share

    @property
    def sums(self):
        return self.system.sums

    def core(self, function: str, *args: int):
        return self.system.contracts["core"].call(function, *args)

    def deficit(self) -> int:
        """What is booked, 1e-18."""
        return max(0, -self.sums.purse(words.deficits(self.system.core_at, COLLATERAL)).cash)

    def mark(self, instrument: int) -> int:
        underlying = words.underlying_of(instrument)
        return self.system.contracts["oracle"].call("latest", underlying)[0]

    def note_losses(self, step: Step) -> None:
        """What a call may have put between sides and positions, and what that may cost a pot."""
        sums = self.sums
        for event in step.named("LossShared"):
            instrument = event.args["instrument"]
            before, now = sums.interest_before(instrument), Loss.unpack(event.args["word"])
            fill = self.shared(step, instrument)
            long = fill["size"] > 0
            old = Loss.unpack(
                sums.old.get(("loss_word", (instrument, 0)), 0) if now.losses > 1 else 0
            )
            if now.generation(long) != old.generation(long):
                ended = sums.indices(instrument).long if long else sums.indices(instrument).short
                sums.ends[instrument, long, old.generation(long)] = ended
            # the scale is off by one 1e-27 at most, each position by one unit
            side = before.long_side if long else before.short_side
            scale = min(old.scale(long), now.scale(long))
            sums.crumbs[instrument] += 2 + len(sums.lefts(instrument)) + side // scale
        for event in step.named("Shared"):
            sums.crumbs[event.args["instrument"]] += 1
        for instrument in INSTRUMENTS:
            crumbs = sums.crumbs[instrument]
            if crumbs and (step.named("Filled") or ("interest_word", (instrument,)) in sums.old):
                # funding at the highest rate since the last accrual, a loss at the mark; an index
                # is rounded once an accrual, 1e-27 per unit of scale
                risk, mark = self.system.world.terms[instrument][0], self.mark(instrument)
                then, now = sums.interest_before(instrument), sums.interest(instrument)
                carried = mark * 10**9 * risk.max_rate * (now.time - then.time) // (PPM * DAY)
                shared = mark * 10**9 * len(step.named("LossShared"))
                sides = max(then.long_side, now.long_side) + max(then.short_side, now.short_side)
                loss = sums.loss(instrument)
                scale = min(loss.scale(True), loss.scale(False))
                sums.astray[instrument] += crumbs * (carried + shared) + 2 * (
                    sides * WHOLE // scale + crumbs
                )

    def shared(self, step: Step, instrument: int) -> Any:
        """The fill that made a side share a loss."""
        fills = [e.args for e in step.named("Filled") if e.args["instrument"] == instrument]
        return next(fill for fill in fills if fill["maker"] == self.sums.backstop)

    def crumbs_worth(self, instrument: int) -> int:
        """At the mark, 1e-18."""
        crumbs = self.sums.crumbs[instrument]
        return -(-crumbs * self.mark(instrument) // WAD) if crumbs else 0

    def pool(self, instrument: int) -> int:
        return words.pool(self.system.vault_at, words.underlying_of(instrument))

    # After every accepted call

    def inv_01(self) -> None:
        """Cash of all accounts and pots, and donations, are the tokens held."""
        system = self.system
        core = system.contracts["core"].address
        held = system.contracts["token"].call("balanceOf", core) * UNIT
        hold(
            self.sums.cash + system.donations == held,
            f"INV-01: cash {self.sums.cash} + {system.donations} given, tokens {held}",
        )

    def inv_02(self) -> None:
        """Tokens are what everybody may claim less what is lacking somewhere, and dust."""
        system, sums = self.system, self.sums
        purses = sums.purses()
        deficits = words.deficits(system.core_at, COLLATERAL)
        treasury = words.treasury(system.vault_at)
        equity, _ = system.compare_equity()
        claims, rounded, lost = equity, 0, 0
        for account, purse in purses.items():
            if names_pool(account):
                claims += purse.principal  # owed to insurance
            elif account not in (deficits, treasury):
                held = sums.held(account)
                rounded += len(held) + 1
                claims += self.core("health", account)[0] if held else purse.cash
        for instrument in INSTRUMENTS:
            skew, scale = sums.interest(instrument).skew, self._scale(instrument)
            mark = self.mark(instrument)
            claims += quote.potential_up(skew, scale, QUOTE.max_premium, mark)
            rounded += OLD_PRICE + system.settlements[instrument] + self.crumbs_worth(instrument)
            lost += self.crumbs_worth(instrument)
            astray = -(-sums.astray[instrument] // 10**27)  # in the pot
            rounded, lost = rounded + astray, lost + astray
        core = system.contracts["core"].address
        held = system.contracts["token"].call("balanceOf", core) * UNIT - system.donations
        hold(-lost <= held - claims <= rounded, f"INV-02: tokens {held}, claims {claims}")

    def inv_03(self, step: Step) -> None:
        """A side is the sum of its positions, the pool holds the rest, account words name them."""
        sums = self.sums
        for instrument in INSTRUMENTS:
            interest = sums.interest(instrument)
            traders = sums.traders[instrument, True], -sums.traders[instrument, False]
            sides = interest.long_side, interest.short_side
            if sums.loss(instrument).losses:
                lefts, most = sums.lefts(instrument).values(), sums.crumbs[instrument]
                traders = sum(max(0, s) for s in lefts), sum(max(0, -s) for s in lefts)
                off = max(abs(a - b) for a, b in zip(sides, traders, strict=True))
                hold(off <= most, f"INV-03: {sides} and {traders} of {instrument}, bound {most}")
                pool = sums.size(self.pool(instrument), instrument)
                hold(pool == -interest.skew, f"INV-03: the pool of {instrument} holds {pool}")
            else:
                ours = sums.size(sums.backstop, instrument)
                hold(ours == 0, f"INV-03: the backstop holds {ours} of {instrument}")
                hold(sides == traders, f"INV-03: sides {sides} of {instrument}, not {traders}")
            hold(sums.positions[instrument] == 0, f"INV-03: positions of {instrument} are not 0")
        for account in self._touched(step, "position_word"):
            if names_pool(account) or account == sums.backstop:
                continue
            open_ones = [i for i in INSTRUMENTS if sums.size(account, i)]
            hold(sums.held(account) == open_ones, f"INV-03: account word of {account:#x}")
            flag = bool(sums.purse(account).flags & words.HOLDS)
            hold(flag == bool(open_ones), f"INV-03: flag of {account:#x}")

    def inv_04(self) -> None:
        """The vault's value, from the markets' words, mirrors the traders' positions."""
        system, sums = self.system, self.sums
        exact = 0  # 1e-45
        for account, purse in sums.purses().items():
            ours = words.owner_of(account) == system.vault_at
            if ours and (names_pool(account) or account == words.treasury(system.vault_at)):
                exact += (purse.cash - purse.principal * names_pool(account)) * 10**27
        exact += sums.purse(words.deficits(system.core_at, COLLATERAL)).cash * 10**27
        rounded = lost = 0
        for instrument in INSTRUMENTS:
            interest, mark = sums.interest(instrument), self.mark(instrument)
            if not interest.long_side and not interest.short_side:
                continue
            indices, _, _ = funding.accrued(
                sums.indices(instrument),
                interest,
                sums.carry(instrument),
                system.world.terms[instrument][0],
                mark,
                system.host.now,
            )
            # the pool settles as if no loss had been shared
            grown = indices.long - sums.indices(instrument).long
            lost += self.crumbs_worth(instrument)
            traders = sums.lefts(instrument).values()
            exact -= sum(traders) * mark * 10**9 - sum(traders) * grown
            scale = self._scale(instrument)
            premium = quote.potential_up(interest.skew, scale, QUOTE.max_premium, mark)
            exact -= premium * 10**27
            rounded += 2
        equity = system.contracts["vault"].call("equity") * 10**27
        off = exact - equity
        hold(
            -lost * 10**27 <= off <= (rounded + lost) * 10**27,
            f"INV-04: the vault is {off}e-45 off the traders",
        )

    def inv_05(self) -> None:
        """A pot and what is due to it: never negative, at most a wei per settlement."""
        for instrument in INSTRUMENTS:
            due, most = self.sums.exact_pot(instrument), self.system.settlements[instrument]
            lost = self.sums.astray[instrument]
            hold(
                -lost <= due <= most * 10**27 + lost,
                f"INV-05: the pot of {instrument} is {due}e-45 off",
            )

    def inv_06(self, step: Step) -> None:
        """Cash is the sum of the integers in the events: no average, no path."""
        deficits = words.deficits(self.system.core_at, COLLATERAL)
        events = [e for e in step.events if e.contract == "ClearingHouse"]
        for event in events:
            args = event.args
            match event.name:
                case "Deposited":
                    self.purses[args["account"]] += args["amount"]
                case "Withdrawn":
                    self.purses[args["account"]] -= args["amount"]
                    self.purses[deficits] += args["amount"] - args["paid"]
                case "Moved":
                    self.purses[args["source"]] -= args["amount"]
                    self.purses[args["target"]] += args["amount"]
                case "Shared" if step.called.function == "settle":
                    self.purses[args["account"]] -= args["due"]
                case "Filled":
                    cost = -(-args["size"] * args["price"] // WAD) + args["fee"]
                    self.purses[args["taker"]] -= cost + args["taker_due"]
                    self.purses[args["maker"]] += cost - args["maker_due"]
        withheld = self.sums.purse(deficits).cash - self.purses[deficits]
        if withheld:
            # a transfer of a gain while the vault is below zero: the event says what arrived
            hold(withheld > 0, "INV-06: the deficit account")
            # the cut repays at most what is lacking
            equity = self.system.contracts["vault"].call("equity")
            hold(equity <= 0, f"INV-06: {withheld} withheld, the vault has {equity}")
            sources = {e.args["source"] for e in events if e.name == "Moved"}
            cut = [s for s in sources if self.purses[s] - self.sums.purse(s).cash == withheld]
            hold(len(cut) == 1, f"INV-06: {withheld} withheld from {len(cut)}")
            self.purses[cut[0]] -= withheld
            self.purses[deficits] += withheld
        for account in self._touched(step, "cash_word"):
            if not names_pool(account):
                cash = self.sums.purse(account).cash
                hold(cash == self.purses[account], f"INV-06: cash of {account:#x} {cash}")
        for instrument in INSTRUMENTS:
            mark, sizes = self.mark(instrument), self.sums.sizes(instrument)
            worth = sum(div_down(size * mark, WAD) for size in sizes.values())
            hold(-len(sizes) <= worth <= 0, f"INV-06: positions of {instrument} are worth {worth}")

    def inv_12(self, step: Step) -> None:
        """A deficit stays booked only when insurance is empty and the vault has nothing."""
        called, deficits = step.called, words.deficits(self.system.core_at, COLLATERAL)
        takes = called.function in ("book", "absorb", "process_epoch") or (
            called.function == "liquidate"
            and any(e.args["source"] == deficits for e in step.named("Moved"))
        )
        if not takes or not self.deficit():
            return
        insurance = words.insurance(self.system.core_at, COLLATERAL)
        hold(self.sums.purse(insurance).cash <= 0, "INV-12: insurance has cash left")
        equity = self.system.contracts["vault"].call("equity")
        hold(equity <= 0, f"INV-12: the vault has {equity} left, {self.deficit()} is booked")

    def inv_17(self, step: Step) -> None:
        """Rates stay within their cap; the time of an accrual never goes back, never ahead."""
        for instrument in INSTRUMENTS:
            risk = self.system.world.terms[instrument][0]
            rate = self.sums.carry(instrument).rate
            hold(abs(rate) <= risk.max_rate * RATE_PER_PPM, f"INV-17: rate {rate} of {instrument}")
            time = self.sums.interest(instrument).time
            hold(
                self.accrued.get(instrument, 0) <= time <= step.time,
                f"INV-17: accrual of {instrument} at {time}",
            )
            self.accrued[instrument] = time

    def inv_21(self, step: Step) -> None:
        """Positions are nothing or big enough, and few; whatever grew is within its caps."""
        sums = self.sums
        fills = [e.args for e in step.named("Filled") if e.args["instrument"]]
        made = {fill["maker"] for fill in fills}
        for fill in fills:
            account, instrument = fill["taker"], fill["instrument"]
            trade = self.system.world.terms[instrument][1]
            size = abs(sums.size(account, instrument))
            big = size * self.mark(instrument) >= trade.minimum_notional * WAD
            hold(not size or big or account in made, f"INV-21: a position of {size}")
            hold(len(sums.held(account)) <= POSITIONS, "INV-21: too many positions")
        for instrument in {fill["instrument"] for fill in fills}:
            trade = self.system.world.terms[instrument][1]
            before, after = sums.interest_before(instrument), sums.interest(instrument)
            grew = after.long_side > before.long_side or after.short_side > before.short_side
            fuller = max(after.long_side, after.short_side)
            cap = after.scaled_down(trade.hard_cap)
            hold(not grew or fuller <= cap, f"INV-21: open interest {fuller} above {cap}")
            steeper = abs(after.skew) > abs(before.skew) and len(fills) == 1
            within = abs(after.skew) <= trade.soft_cap
            hold(within or not (grew and steeper), f"INV-21: skew {after.skew}")
        for instrument in INSTRUMENTS:
            hard = self.system.world.terms[instrument][1].hard_cap
            held = sums.size(self.pool(instrument), instrument)
            hold(abs(held) <= hard, f"INV-21: the vault holds {held} of {instrument}")

    def inv_28(self, step: Step) -> None:
        """No call fails without a name, and no sum of money comes near its field's edge."""
        if not self.system.corner:
            hold(step.refusal != "Unknown", f"INV-28: {step.called.function} failed without a name")
        for name, args in step.old:
            word = self.sums.words[name, args]
            if name == "cash_word":
                room = abs(Cash.unpack(word).cash) < CASH_ROOM
                hold(room, f"INV-28: cash of {args}")
            elif name == "carry_word":
                hold(abs(Carry.unpack(word).pot) < 2**111, f"INV-28: pot of {args}")
            elif name == "position_word":
                hold(abs(Position.unpack(word).size) < 2**103, f"INV-28: position of {args}")
            elif name == "interest_word":
                sides = Interest.unpack(word)
                wide = max(sides.long_side, sides.short_side)
                hold(wide < 2**103, f"INV-28: open interest of {args}")

    # Helpers

    def _scale(self, instrument: int) -> int:
        return self.system.world.terms[instrument][0].skew_scale

    @staticmethod
    def _touched(step: Step, getter: str) -> set[int]:
        """Accounts of which a word changed."""
        return {args[0] for name, args in step.old if name == getter}
