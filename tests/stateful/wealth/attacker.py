"""The attacker's moves at the vault, and those with borrowed money."""

from tests.harness.system import FOREVER
from tests.stateful.wealth.actor import UNIT, Rng, move
from tests.stateful.wealth.books import MARKETS
from tests.stateful.wealth.cast import LOAN
from tests.stateful.wealth.trader import Trader
from tidegate.chain import Call
from tidegate.deployment import COLLATERAL
from tidegate.spec import words
from tidegate.spec.rounding import WAD


class Attacker(Trader):
    """All the moves there are."""

    # Shares

    @move(4)
    def request_deposit(self, rng: Rng) -> None:
        account = rng.choice(self.cast.providing)
        vault, owner = self.system.vault, self.cast.owner(account)
        free = self.life.free(account)
        if free < 1_000 * WAD:
            return self.fund_provider(account)
        amount = free * rng.randint(20, 100) // 100
        self.life.attempt(
            "request deposit",
            lambda: self.cast.act(
                owner, vault, "request_deposit", account, amount, 0, self.deadline(rng)
            ),
        )
        return None

    def fund_provider(self, account: int) -> None:
        owner, core = self.cast.owner(account), self.system.core
        tokens = self.purse(owner) // 2
        self.life.attempt(
            "deposit", lambda: self.cast.act(owner, core, "deposit", account, COLLATERAL, tokens)
        )

    def deadline(self, rng: Rng) -> int:
        return rng.choice((FOREVER, FOREVER, self.life.now + 130))

    @move(4)
    def request_redeem(self, rng: Rng) -> None:
        account = rng.choice(self.cast.providing)
        vault, owner = self.system.vault, self.cast.owner(account)
        shares = vault.call("balanceOf", owner) * rng.randint(10, 100) // 100
        if not shares:
            return self.request_deposit(rng)
        self.life.attempt(
            "request redeem",
            lambda: self.cast.act(
                owner, vault, "request_redeem", account, shares, 0, self.deadline(rng)
            ),
        )
        return None

    @move(6)
    def process(self, rng: Rng) -> None:
        """When it suits: with whatever prices are in force, newer ones posted or held back."""
        life = self.life
        epochs = life.law.requests.waiting()
        if not epochs:
            return rng.choice((self.request_deposit, self.request_redeem))(rng)
        close = (epochs[0] + 1) * life.config.epoch_seconds
        if life.now <= close and rng.random() < 0.7:
            life.until(close + rng.randint(1, 5))
        if rng.random() < 0.8:
            self.post("post", 1, life.slot)
            self.post("post", 2, life.slot)
            life.wait(1)
        if life.law.requests.waiting():
            life.tried["process"] += 1
            life.done["process"] += life.process("process")
        return None

    @move(6)
    def claim(self, rng: Rng) -> None:
        vault, requests = self.system.vault, self.life.law.requests
        ready = [account for account in self.cast.providing if requests.claimable(account)]
        if not ready:
            return self.process(rng)
        account = rng.choice(ready)
        most = rng.choice((2**256 - 1, rng.randint(1, 100_000) * WAD))
        self.life.attempt("claim", lambda: vault.transact("claim_part", account, most))
        return None

    @move(2)
    def hand_over(self, rng: Rng) -> None:
        """Shares from one owner to another."""
        vault = self.system.vault
        giver = max(self.cast.owners, key=lambda owner: vault.call("balanceOf", owner))
        taker = rng.choice([owner for owner in self.cast.owners if owner != giver])
        amount = vault.call("balanceOf", giver) * rng.randint(1, 100) // 100
        self.life.attempt(
            "hand over", lambda: self.cast.act(giver, vault, "transfer", taker, amount)
        )

    @move(3)
    def upkeep(self, rng: Rng) -> None:
        core, vault = self.system.core, self.system.vault
        calls = (
            lambda: core.transact("poke", rng.choice(MARKETS)),
            lambda: vault.transact("poke_caps"),
            lambda: vault.transact("absorb"),
        )
        self.life.attempt("upkeep", rng.choice(calls))

    # Borrowed money

    @move(7)
    def flash(self, rng: Rng) -> None:
        """Deposit a fortune, act, withdraw it, in one transaction."""
        life, due = self.life, self.due()
        account = self.cast.trading[rng.choice((0, 0, 1))]
        loan, extra = rng.randint(1, LOAN), 0
        inner: list[Call] = []
        kind = rng.choice(["place", "gain", "gain", "round", "caps", *["execute"] * 2 * bool(due)])
        if kind == "place":
            instrument = rng.choice(MARKETS)
            size = self.sized(account, instrument, rng.randint(1, 40)) * rng.choice((1, -1))
            inner = [self.exchange.prepare("place", life.order(account, instrument, size))]
        elif kind == "execute":
            live = rng.choice(due)
            self.ensure_posted(live)
            inner = [self.exchange.prepare("execute", live.order, self.cast.keeping)]
        elif kind == "gain":
            account = max(self.cast.trading[:3], key=self.gain)
            most = life.gate.level + life.gate.size(life.gate.most) * rng.randint(-100, 50) // 100
            extra = life.cash(account).principal + max(0, min(self.gain(account), most))
            extra //= UNIT
        elif kind == "round":
            inner = self._round(rng, account, loan)
        else:
            inner = [self.system.vault.prepare(rng.choice(("poke_caps", "absorb")))]
        self.around(kind, account, loan, extra, inner)

    def around(self, kind: str, account: int, loan: int, extra: int, inner: list[Call]) -> None:
        """The loan in, the calls, the loan and something more out."""
        core, owner = self.system.core, self.cast.contract.address
        calls = [
            core.prepare("deposit", account, COLLATERAL, loan),
            *inner,
            core.prepare("withdraw", account, COLLATERAL, loan + extra, owner),
        ]
        self.life.attempt(f"flash {kind}", lambda: self.cast.flash(loan, calls))
        self.life.gate.transfers.clear()

    def slice(self, rng: Rng, account: int) -> None:
        """One in two with a fortune on another account meanwhile."""
        positions = self.exposed([account])
        if not positions or rng.random() < 0.5:
            return super().slice(rng, account)
        args = ([account], [positions[0][1]], self.cast.keeping)
        inner = [self.system.liquidator.prepare("liquidate", *args)]
        own = rng.choice([a for a in self.cast.trading[:3] if a != account])
        self.around("liquidate", own, rng.randint(1, LOAN), 0, inner)
        return None

    def _round(self, rng: Rng, account: int, loan: int) -> list[Call]:
        """Through an account of another owner and back: principal for gains?"""
        core, other = self.system.core, words.account(self.cast.accomplice, rng.randrange(2))
        amount = loan * UNIT
        back = amount + self.life.free(other) * rng.randint(0, 100) // 100
        self.life.gate.transfers |= {(account, other), (other, account)}
        return [
            core.prepare("transfer", account, other, COLLATERAL, amount),
            core.prepare("transfer", other, account, COLLATERAL, back),
        ]
