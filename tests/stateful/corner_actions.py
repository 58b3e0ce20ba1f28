"""Numbers at the edges of their fields."""

from random import Random

from tests.stateful.cast import Cast, action
from tests.stateful.world import INSTRUMENTS
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, Fill

AMOUNTS = (0, 1, 2**96 - 1, 2**96, 2**112 - 1, 2**112, 2**120 - 1, 2**120, 2**127, 2**256 - 1)
SIZES = (0, 1, 2**96, 2**103 - 1, 2**103, 2**104, 2**127, 2**255 - 1)
PRICES = (0, 1, 2**90 - 1, 2**90, 2**127, 2**256 - 1)
FEES = (0, 0, 1, 2**112, 2**120 - 1, 2**120, 2**256 - 1)
MOST_TOKENS = 2**80  # of 1e-6: just inside the principal's field


class CornerActions(Cast):
    """Numbers at the edges of their fields."""

    def cornered(self, contract: str, function: str, *args: object, sender: int) -> bool:
        self.system.corner = True
        ok = self.call(contract, function, *args, sender=sender, name="corner")
        self.system.corner = False
        return ok

    @action(4)
    def corner_cash(self, rng: Random) -> None:
        """A deposit as large as fits, and out again; or one that does not fit."""
        stranger = self.system.stranger
        account = words.account(stranger)
        tokens = rng.choice((1, MOST_TOKENS, MOST_TOKENS, *AMOUNTS))
        if self.cornered("core", "deposit", account, COLLATERAL, tokens, sender=stranger):
            other = words.account(stranger, 2**96 - 1)
            amount = tokens * 10**12
            self.cornered("core", "transfer", account, other, COLLATERAL, amount, sender=stranger)
            more = rng.choice(AMOUNTS)
            self.cornered("core", "withdraw", other, COLLATERAL, more, stranger, sender=stranger)
            left = self.core.cash[other, COLLATERAL].cash // 10**12
            if left:
                self.cornered(
                    "core", "withdraw", other, COLLATERAL, left, stranger, sender=stranger
                )

    @action(4)
    def corner_request(self, rng: Random) -> None:
        account, now = rng.choice(self.lps), self.system.host.now
        sender = words.owner_of(account)
        function = rng.choice(("request_deposit", "request_redeem"))
        amount, least = rng.choice((1, 1, 10**6, *AMOUNTS)), rng.choice((*[0] * 9, *AMOUNTS))
        deadline = rng.choice((now, now, 2**32, 2**256 - 1))
        self.cornered("vault", function, account, amount, least, deadline, sender=sender)

    @action(5)
    def corner_fill(self, rng: Random) -> None:
        """One number of a fill at an edge."""
        account, instrument = rng.choice(self.accounts), rng.choice(INSTRUMENTS)
        size = self.size_for(account, instrument, rng.randint(1, 20)) * rng.choice((1, -1))
        fill = self.pooled(account, instrument, size)
        fill = rng.choice(
            (
                fill._replace(size=rng.choice(SIZES) * rng.choice((1, -1))),
                fill._replace(price=rng.choice(PRICES)),
                fill._replace(fee=rng.choice(FEES)),
                fill._replace(slot=rng.choice((1, 2**32, 2**256 - 1))),
                fill._replace(taker=rng.choice((0, 1, 2**256 - 1))),
                fill._replace(instrument=rng.choice((1, 63, 2**16, 2**256 - 1))),
                Fill(account, self.keeper, 0, 0, 0, rng.choice(FEES)),
            )
        )
        self.cornered("core", "clear", [fill], sender=self.system.venue)
