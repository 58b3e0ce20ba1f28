"""The second law: what leaves as principal was deposited and not lost; gains fit the bucket.

A shadow of each account's principal is kept from the events: deposits add, withdrawals take from it
first, and whenever the clearing house has judged the account it is at most the account's net. What
an owner takes out beyond the shadow is a gain; gains of any stretch of time fit a bucket of the
configured share of the tokens held, refilled over the configured time.
"""

from typing import TYPE_CHECKING, Any

from tests.stateful.wealth.books import TOKEN_UNIT, Worth
from tests.stateful.wealth.law import DUST, Before, Broken, human
from tidegate.chain import Receipt
from tidegate.spec import words
from tidegate.spec.rounding import PPM, WAD, div_up
from tidegate.spec.words import underlying_of

if TYPE_CHECKING:
    from tests.stateful.wealth.life import Life


class Gate:
    """Shadows of the attacker's accounts, and the bucket as it should be."""

    def __init__(self, life: "Life") -> None:
        self.life, token = life, life.config.token
        self.share, self.window = words.to_units(token.outflow_share, PPM), token.outflow_window
        self.shadow = {a: life.cash(a).principal for a in life.cast.accounts}
        self.net: dict[int, int] = {}
        self.moment: Before | None = None
        self.most = self.tokens()
        self.level = self.size(self.most)
        self.since = life.now
        self.gains = 0
        self.judged: set[int] = set()
        self.transfers: set[tuple[int, int]] = set()  # that the attacker is about to make

    def tokens(self) -> int:
        """Held by the clearing house, 1e-18."""
        system = self.life.system
        return system.token.call("balanceOf", system.core.address) * TOKEN_UNIT

    def size(self, tokens: int) -> int:
        return tokens * self.share // PPM

    def before(self, moment: Before) -> None:
        worth = Worth(moment.true.words, moment.true.terms, moment.now, moment.force)
        self.net = {account: worth.equity(account) for account in self.shadow}
        self.moment = moment
        self.most = max(self.most, self.tokens())

    def after(self, name: str, receipt: Receipt) -> None:
        self.judged.clear()
        gain = 0
        for event in receipt.events:
            args = event.args
            match event.name:
                case "Deposited" if args.account in self.shadow:
                    self._come(args.account, args.amount, args.amount)
                case "Withdrawn" if args.account in self.shadow:
                    gain += self._leave(args.account, args.amount)[1]
                    self._hold(args.account)
                case "Moved" if self._is_transfer(args):
                    gain += self._transferred(args)
                case "Moved":
                    self._charged(args)
                case "Filled":
                    self._filled(args)
        for account in self.judged:
            self._hold(account)
        for account, shadow in self.shadow.items():
            principal = self.life.cash(account).principal
            if principal > shadow + DUST:
                raise Broken(
                    f"{name}: {human(principal)} may leave at once, {human(shadow)} was deposited"
                    " and not lost"
                )
        self.transfers.clear()
        if gain:
            self._take(name, gain)

    def _hold(self, account: int) -> None:
        self.shadow[account] = min(self.shadow[account], max(0, self.net[account]))

    def _come(self, account: int, amount: int, principal: int) -> None:
        self._hold(account)
        self.net[account] += amount
        self.shadow[account] += principal

    def _leave(self, account: int, amount: int) -> tuple[int, int]:
        """Principal and gain of it."""
        principal = min(amount, self.shadow[account])
        self.shadow[account] -= principal
        self.net[account] -= amount
        return principal, amount - principal

    def _is_transfer(self, args: Any) -> bool:
        """Whether an owner moved it, or the vault for one; else it is a fee or a reward."""
        vault = int(self.life.system.vault)
        wallets = {words.account(vault, sub) for sub in range(4)}
        return (args.source, args.target) in self.transfers or bool(
            {args.source, args.target} & wallets
        )

    def _transferred(self, args: Any) -> int:
        """Within one owner it carries principal; to another it is a withdrawal, and a deposit."""
        gain, carried = 0, args.amount
        same = words.owner_of(args.source) == words.owner_of(args.target)
        if args.source in self.shadow:
            principal, rest = self._leave(args.source, args.amount)
            carried = principal if same else args.amount
            # what goes to insurance does not leave the protocol
            inside = same or words.owner_of(args.target) == int(self.life.system.core)
            gain = 0 if inside else rest
            self._hold(args.source)
        if args.target in self.shadow:
            self._come(args.target, args.amount, carried)
        return gain

    def _charged(self, args: Any) -> None:
        if args.source in self.shadow:
            self.net[args.source] -= args.amount
            self.judged.add(args.source)
        if args.target in self.shadow:
            self._come(args.target, args.amount, 0)

    def _filled(self, args: Any) -> None:
        if args.taker in self.net:
            assert self.moment is not None
            mark = self.moment.force[underlying_of(args.instrument)]
            paid = div_up(args.size * args.price, WAD) + args.fee
            self.net[args.taker] += args.size * mark // WAD - paid
            self.judged.add(args.taker)

    def _take(self, name: str, gain: int) -> None:
        now, size = self.life.now, self.size(self.most)
        elapsed = min(now - self.since, self.window)
        self.level = min(size, self.level + size * elapsed // self.window)
        if gain > self.level + DUST:
            raise Broken(
                f"{name}: a gain of {human(gain)} left, the bucket held {human(self.level)}"
            )
        self.level -= gain
        self.since, self.most = now, self.tokens()
        self.gains += gain
