"""Invariants of a call: the bytecode's words and views before it and after it."""

from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

from tests.stateful.state_laws import StateLaws, hold
from tests.stateful.step import Called, Step
from tests.stateful.world import (
    INSTRUMENTS,
    OUTFLOW_SHARE,
    OUTFLOW_WINDOW,
    SLOT,
    UNIT,
)
from tidegate.client.orders import Order
from tidegate.spec import words
from tidegate.spec.clearing import MAX_FILL_PRICE
from tidegate.spec.rounding import PPM
from tidegate.spec.shared_losses import WHOLE, Loss
from tidegate.spec.vault import DEPOSIT, PRICE_ONE, REDEEM, VIRTUAL
from tidegate.spec.words import MICRO, POOL

if TYPE_CHECKING:
    from tests.stateful.system import System

ROUNDED = 9  # wei of equity: three markets, each with a mark, a due and a potential
TAKES_OUT = ("withdraw", "transfer", "request_deposit", "place")
LOWERS_THE_PRICE = (
    *("clear", "liquidate", "book", "book_deficit"),
    *("bid", "takeover", "deleverage"),  # rewards and bad debt, too
)


class Seen(NamedTuple):
    """The vault at one moment, as the bytecode has it."""

    time: int
    equity: int
    stress: int
    supply: int


class Health(NamedTuple):
    equity: int
    initial: int
    maintenance: int
    notional: int


class CallLaws(StateLaws):
    """`people` are the accounts of traders, shareholders and keepers."""

    def __init__(self, system: "System") -> None:
        super().__init__(system)
        self.people: set[int] = set()
        self.seen = Seen(0, 0, 0, 0)
        self.then = self.seen  # before the last call
        self.lefts: dict[int, dict[int, int]] = {}  # sizes before the last call, by instrument
        self.healths: dict[int, Health] = {}  # of those a call names, before it
        self.outflow: deque[tuple[int, int, int]] = deque()  # time, gain, size of the bucket
        self.slots: dict[tuple[int, int], int] = {}  # words by feed and slot
        self.newest: Counter[int] = Counter()  # slot in force by feed
        self.placed: Counter[bytes] = Counter()
        self.ended: Counter[bytes] = Counter()
        self.orders: dict[bytes, Order] = {}
        self.public: dict[bytes, int] = {}  # when an order was last placed, woken or rested
        self.processed = -1  # newest epoch
        self.quoted = False  # the call at hand trades at the vault's quotes

    def look(self) -> Seen:
        """At the vault now."""
        system = self.system
        if self.seen.time != system.host.now:
            vault = system.contracts["vault"]
            equity, stress = system.compare_equity()
            self.seen = Seen(system.host.now, equity, stress, vault.call("totalSupply"))
        return self.seen

    def named(self, called: Called) -> list[int]:
        """People's accounts among the arguments, and those that a claim or an order names."""
        found: list[int] = []

        def gather(arg: object) -> None:
            if isinstance(arg, int):
                if arg in self.people and arg not in found:
                    found.append(arg)
            elif isinstance(arg, Order):
                gather(arg.account)
            elif isinstance(arg, list | tuple):
                for item in arg:
                    gather(item)

        gather(called.args)
        return found

    def health(self, account: int) -> Health:
        return Health(*self.system.compare_health(account))

    # Laws

    def inv_07(self, step: Step) -> None:
        """Trading at the vault's quotes never takes anything from it: rounding is for it."""
        exchange = step.called.contract in ("exchange", "successor")
        if self.quoted or (exchange and self._at_the_mark(step)):
            lost = self.then.equity - self.seen.equity
            hold(
                lost <= self.rounded(), f"INV-07: {step.called.function} took {lost} from the vault"
            )

    def rounded(self) -> int:
        """What a call's roundings may take from the vault: with shared losses, crumbs too."""
        return ROUNDED + sum(self.crumbs_worth(instrument) for instrument in INSTRUMENTS)

    def _at_the_mark(self, step: Step) -> bool:
        """Whether no fill took another price than the one in force: that may win from the vault."""
        oracle = self.system.contracts["oracle"]
        for event in step.named("Filled"):
            feed, slot = words.underlying_of(event.args["instrument"]), event.args["slot"]
            if slot and oracle.call("slot_price", feed, slot)[0] != oracle.call("latest", feed)[0]:
                return False
        return True

    def inv_08(self, step: Step, after: dict[int, Health]) -> None:
        """Whoever takes cash out or adds risk ends with its initial margin, at fresh prices."""
        called = step.called
        if called.function in TAKES_OUT:
            order = called.args[0]
            source = order.account if isinstance(order, Order) else order
            if source not in after or (isinstance(order, Order) and not step.named("Moved")):
                return  # an old stake, or none needed: nothing was taken out
            self._well(source, after[source])
        elif (
            called.function in ("clear", "execute", "execute_many")
            and called.sender != self.system.liquidator
        ):
            for account, now in after.items():
                if self._riskier(step, account):
                    self._well(account, now)

    def _riskier(self, step: Step, account: int) -> bool:
        """Whether a position grew and the account needs more than before."""
        sums = self.sums
        grew = any(
            abs(sums.size(account, i)) > abs(sums.size_before(account, i)) for i in INSTRUMENTS
        )
        return grew and self.health(account).maintenance > self.healths[account].maintenance

    def _well(self, account: int, now: Health) -> None:
        hold(now.equity >= max(0, now.initial), f"INV-08: {account:#x} has {now}")
        for instrument in self.sums.held(account):
            feed = words.underlying_of(instrument)
            fresh = self.system.contracts["oracle"].call("latest", feed)[1]
            hold(fresh, f"INV-08: {account:#x} at a stale price of {instrument}")

    def inv_09(self, step: Step) -> None:
        """Nobody's cash or position changes by a call that does not name them."""
        named = self.named(step.called)
        for name, args in step.old:
            if name in ("cash_word", "position_word") and args[0] in self.people:
                hold(args[0] in named, f"INV-09: {step.called.function} changed {args[0]:#x}")

    def inv_10(self, step: Step, after: dict[int, Health]) -> None:
        """Only who lacks margin is liquidated; the lack falls; no penalty lowers E / N."""
        slicer = step.called.contract == "slicer"
        if not slicer and step.called.sender != self.system.liquidator:
            return
        fills = [e.args for e in step.named("Filled") if e.args["instrument"]]
        for account in {fill["taker"] for fill in fills}:
            before, now = self.healths[account], after[account]
            hold(before.equity < before.maintenance, f"INV-10: {account:#x} had {before}")
            lack = before.maintenance - before.equity
            hold(now.maintenance - now.equity < lack, f"INV-10: the lack of {account:#x} rose")
            if any(fill["fee"] for fill in fills if fill["taker"] == account):
                fair = now.equity * before.notional >= before.equity * now.notional
                hold(before.equity > 0 and fair, f"INV-10: a penalty of {account:#x}")
            for fill in fills:
                if fill["taker"] == account:
                    instrument = fill["instrument"]
                    size = self.sums.size(account, instrument)
                    was = self.sums.size_before(account, instrument)
                    hold(abs(size) < abs(was), f"INV-10: a position of {account:#x} grew")
                    hold(size == 0 or (size > 0) == (was > 0), "INV-10: a position flipped")

    def inv_13(self, step: Step) -> None:
        """A loss is shared by all of a side alike, at the mark, and by nobody else."""
        sums = self.sums
        for event in step.named("LossShared"):
            instrument = event.args["instrument"]
            fill = self.shared(step, instrument)
            hold(fill["price"] == self.mark(instrument), "INV-13: not at the mark")
            closed = abs(fill["size"])
            before = sums.interest_before(instrument)
            side = before.long_side if fill["size"] > 0 else before.short_side
            loss = Loss.unpack(event.args["word"])
            ended = loss.scale(fill["size"] > 0) == WHOLE
            after = sums.lefts(instrument)
            for account, was in self.lefts[instrument].items():
                if account == fill["taker"]:
                    hold(after[account] == was + fill["size"], "INV-13: more than was needed")
                elif (was > 0) != (fill["size"] > 0) or not was:
                    hold(after[account] == was, f"INV-13: {account:#x} is on the other side")
                elif ended:
                    hold(after[account] == 0, f"INV-13: {after[account]} left of a generation")
                else:
                    fair = was * (side - closed) // side
                    off, most = abs(after[account] - fair), 2 + sums.crumbs[instrument]
                    hold(off <= most, f"INV-13: {was} became {after[account]}, not {fair}")

    def inv_14(self, step: Step) -> None:
        """Nothing but prices, carry, traders' results and bad debt lowers the price of a share."""
        if step.called.function in LOWERS_THE_PRICE or not self._at_the_mark(step):
            return
        then, now = self.then, self.seen
        before, after = then.equity, now.equity
        for event in step.named("Processed"):
            # at the newest price, which may not be in force yet
            vault = self.system.vault_at
            claims = {words.account(vault, sub) for sub in (2, 3)}
            paid = sum(e.args["amount"] for e in step.named("Moved") if e.args["target"] in claims)
            before = event.args["equity"]
            after = before + event.args["assets_in"] - paid
        if min(then.supply, now.supply) < VIRTUAL or before < 0:
            return
        worth = (after + self.rounded() + VIRTUAL) * (then.supply + VIRTUAL)
        hold(
            worth >= (before + VIRTUAL) * (now.supply + VIRTUAL),
            f"INV-14: {step.called.function} lowered the price of a share",
        )

    def inv_15(self, step: Step) -> None:
        """An epoch has one price, the vault's; who pays in or is paid out never gets more."""
        vault = self.system.contracts["vault"]
        for event in step.named("Processed"):
            if event.args["price"] and self.then.supply >= VIRTUAL:
                price = (event.args["equity"] + VIRTUAL) * PRICE_ONE
                price //= self.then.supply + VIRTUAL
                hold(event.args["price"] == price, f"INV-15: {event.args['price']} for {price}")
            for view in ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem"):
                holder = self.system.names[self.system.keeper]
                hold(vault.call(view, holder) >= 0, f"INV-15: {view} says nothing")
        for event in step.named("Claimed"):
            asked = step.old.get(("request_word", (event.args["account"],)), 0)
            kind, amount = asked & 7, asked >> 160
            if kind not in (DEPOSIT, REDEEM):
                continue  # a rest of an earlier claim
            price = vault.call("epoch_word", event.args["epoch"]) >> 70 & (2**160 - 1)
            assets, shares = event.args["assets"], event.args["shares"]
            if kind == DEPOSIT:
                hold(not (assets and shares), "INV-15: shares and the deposit")
                hold(assets in (0, amount) or not shares, "INV-15: the deposit came back changed")
                hold(shares * price <= amount * PRICE_ONE, f"INV-15: {shares} for {amount}")
            else:
                sold = (amount - shares) * price
                hold(assets * PRICE_ONE <= sold, f"INV-15: {assets} for {amount} shares")

    def inv_16(self, step: Step) -> None:
        """Gains leave through the bucket, and never while the vault is short of its stress."""
        sums, called = self.sums, step.called
        system = self.system
        held = system.contracts["token"].call("balanceOf", system.contracts["core"].address)
        left = sum(e.args["paid"] for e in step.named("Withdrawn")) // UNIT
        came = sum(e.args["amount"] for e in step.named("Deposited")) // UNIT
        size = (held + left - came) * UNIT * OUTFLOW_SHARE // PPM
        gain = 0
        if called.function in ("withdraw", "transfer", "request_deposit", "claim", "claim_part"):
            sources = {e.args["source"] for e in step.named("Moved")}
            sources |= {e.args["account"] for e in step.named("Withdrawn")}
            if called.function == "transfer" and self._inside(*called.args[:2]):
                sources = set()
            for source in sources:
                before = sums.purse_before(source)
                if not before.flags & POOL:
                    debit = before.cash - sums.purse(source).cash
                    gain += max(0, debit - before.principal)
        self.outflow.append((step.time, gain, size))
        while self.outflow[0][0] < step.time - 2 * OUTFLOW_WINDOW:
            self.outflow.popleft()
        if not gain:
            return
        covered = self.then.stress == 0 or self.then.equity >= self.then.stress
        hold(covered, f"INV-16: a gain of {gain} left, the vault has {self.then}")
        total = most = 0
        for time, past, bucket in reversed(self.outflow):
            total, most = total + past, max(most, bucket)
            allowed = most * (OUTFLOW_WINDOW + step.time - time) // OUTFLOW_WINDOW
            hold(total <= allowed, f"INV-16: gains of {total} in {step.time - time} s")

    def _inside(self, source: int, target: int) -> bool:
        """Whether a transfer leaves nothing out: within one owner, or to the core's accounts."""
        owner = words.owner_of(target)
        return owner in (words.owner_of(source), self.system.core_at)

    def inv_18(self, step: Step) -> None:
        """A slot's price is for ever, the price in force moves on, orders and epochs end once."""
        oracle, called = self.system.contracts["oracle"], step.called
        if called.contract == "oracle":
            feed, slot, *_ = called.args
            word = oracle.call("slot_word", feed, slot)
            known = self.slots.setdefault((feed, slot), word)
            hold(word == known, f"INV-18: slot {slot} of {feed} changed its price")
            hold(word & (2**90 - 1) < MAX_FILL_PRICE, "INV-18: a price too wide")
            latest = oracle.call("latest_word", feed) >> 180 & (2**32 - 1)
            hold(latest >= self.newest[feed], f"INV-18: the price of {feed} went back")
            self.newest[feed] = latest
        if called.function == "place":
            digest = step.named("Placed")[0].args["order_hash"]
            self.placed[digest] += 1
            self.orders[digest] = called.args[0]
        for event in step.events:
            if event.name in ("Placed", "Woken", "Rested"):
                self.public[event.args["order_hash"]] = step.time
            elif event.name in ("Executed", "Ended"):
                digest = event.args["order_hash"]
                self.ended[digest] += 1
                hold(self.ended[digest] <= self.placed[digest], "INV-18: an order ended twice")
            elif event.name == "Processed":
                epoch = event.args["epoch"]
                hold(epoch > self.processed, f"INV-18: epoch {epoch} after {self.processed}")
                self.processed = epoch

    def inv_20(self, step: Step) -> None:
        """Reduce-only orders reduce; no order fills at a price that was public before it."""
        args: dict = {}
        for event in step.events:
            if event.name == "Filled":
                args = event.args
            if event.name != "Executed":
                continue
            # how an order filled is the fill before it
            digest = event.args["order_hash"]
            order = self.orders[digest]
            hold(args["taker"] == order.account, "INV-20: somebody else's fill")
            opened = args["slot"] * SLOT
            hold(opened > self.public[digest], f"INV-20: filled at slot {args['slot']}")
            hold(order.met_by(args["price"]), "INV-20: filled beyond its limit")
            hold(abs(args["size"]) <= abs(order.size), "INV-20: filled more than it asked")
            alone = step.called.function == "execute"
            if order.reduce_only and alone:
                now = self.sums.size(order.account, order.instrument)
                was = self.sums.size_before(order.account, order.instrument)
                hold(abs(now) < abs(was), "INV-20: a reduce-only order opened")
                hold(now == 0 or (now > 0) == (was > 0), "INV-20: a reduce-only order flipped")

    def inv_30(self) -> None:
        """Every word that the twins know, read anew; the running sums were right."""
        self.system.compare_everything()
        self.system.compare_equity()
        for exchange in (self.system.exchange, self.system.successor):
            stakes = sum(placed.stake for placed in exchange.orders.values() if placed) * MICRO
            held = self.sums.purse(exchange.escrow).cash
            hold(held == stakes, f"INV-30: {held} in escrow, {stakes} at stake")
        for account in self.people:
            self.system.compare_health(account)
