"""The words that the bytecode holds, as last read, and running totals over them."""

from collections import Counter

from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, names_pool
from tidegate.spec.shared_losses import WHOLE, Loss
from tidegate.spec.words import Carry, Cash, Indices, Interest, Position

Key = tuple[str, tuple]  # getter and its arguments


class Sums:
    """Only what a getter of the deployed contracts returned goes in here."""

    def __init__(self, backstop: int) -> None:
        self.backstop = backstop
        self.words: dict[Key, int] = {}
        self.old: dict[Key, int] = {}  # words that the last call changed, as they were before
        self.cash = 0  # accounts and pots, 1e-18
        self.positions: Counter[int] = Counter()
        self.open: Counter[tuple[int, bool]] = Counter()  # sizes by instrument and side
        self.traders: Counter[tuple[int, bool]] = Counter()  # the same without pools
        self.charged: Counter[int] = Counter()  # size * checkpoint
        # of sides that shared losses: the index at which a generation ended; what rounding may have
        # put between a side and the sum of its positions, 1e-18 units, and what funding and closing
        # of so much may cost, 1e-45 of the asset
        self.ends: dict[tuple[int, bool, int], int] = {}
        self.crumbs: Counter[int] = Counter()
        self.astray: Counter[int] = Counter()

    def note(self, name: str, args: tuple, value: int) -> None:
        key = (name, args)
        old = self.words.get(key, 0)
        if value == old:
            return
        self.words[key] = value
        self.old.setdefault(key, old)
        for word, sign in ((old, -1), (value, 1)):
            if name == "cash_word":
                self.cash += sign * Cash.unpack(word).cash
            elif name == "carry_word":
                self.cash += sign * Carry.unpack(word).pot
            elif name == "position_word":
                held = Position.unpack(word)
                instrument = args[1]
                self.positions[instrument] += sign * held.size
                if args[0] == self.backstop:
                    continue
                self.open[instrument, held.size > 0] += sign * held.size
                if not names_pool(args[0]):
                    self.traders[instrument, held.size > 0] += sign * held.size
                self.charged[instrument] += sign * held.size * held.checkpoint

    def exact_pot(self, instrument: int) -> int:
        """The pot and what is exactly due to it, 1e-45 of the asset (L3)."""
        indices = self.indices(instrument)
        if self.loss(instrument).losses:
            dues = sum(
                held.size * (indices.of(held.size) - held.checkpoint)
                if names_pool(account)
                else self._due(instrument, held, indices)
                for account, held in self.held_in(instrument).items()
                if account != self.backstop
            )
            return self.carry(instrument).pot * 10**27 + dues
        return (
            self.carry(instrument).pot * 10**27
            + self.open[instrument, True] * indices.long
            + self.open[instrument, False] * indices.short
            - self.charged[instrument]
        )

    def _due(self, instrument: int, held: Position, indices: Indices) -> int:
        """Exactly, rounded down to 1e-45 of the asset."""
        long, index = held.size > 0, indices.of(held.size)
        if held.epoch == 0 or not held.size:
            return held.size * (index - held.checkpoint)
        now, then = self.loss(instrument), self.loss(instrument, held.epoch)
        if now.generation(long) != then.generation(long):
            index = self.ends[instrument, long, then.generation(long)]
        return held.size * (index - held.checkpoint) * WHOLE // then.scale(long)

    def loss(self, instrument: int, epoch: int = 0) -> Loss:
        return Loss.unpack(self.words.get(("loss_word", (instrument, epoch)), 0))

    def left(self, account: int, instrument: int) -> int:
        """What is left of a position since it was written: size_of."""
        held = Position.unpack(self.words.get(("position_word", (account, instrument)), 0))
        now, then = self.loss(instrument), self.loss(instrument, held.epoch)
        long = held.size > 0
        if names_pool(account) or not now.losses:
            return held.size
        if now.generation(long) != then.generation(long):
            return 0
        return held.size * now.scale(long) // then.scale(long)

    def lefts(self, instrument: int) -> dict[int, int]:
        """By account, traders only."""
        return {
            account: self.left(account, instrument)
            for account in self.held_in(instrument)
            if account != self.backstop and not names_pool(account)
        }

    # One word, taken apart

    def purse(self, account: int) -> Cash:
        return Cash.unpack(self.words.get(("cash_word", (account, COLLATERAL)), 0))

    def purse_before(self, account: int) -> Cash:
        """Before the last call."""
        key = ("cash_word", (account, COLLATERAL))
        return Cash.unpack(self.old.get(key, self.words.get(key, 0)))

    def size(self, account: int, instrument: int) -> int:
        return Position.unpack(self.words.get(("position_word", (account, instrument)), 0)).size

    def size_before(self, account: int, instrument: int) -> int:
        """Before the last call."""
        key = ("position_word", (account, instrument))
        return Position.unpack(self.old.get(key, self.words.get(key, 0))).size

    def interest(self, instrument: int) -> Interest:
        return Interest.unpack(self.words.get(("interest_word", (instrument,)), 0))

    def interest_before(self, instrument: int) -> Interest:
        """Before the last call."""
        key = ("interest_word", (instrument,))
        return Interest.unpack(self.old.get(key, self.words.get(key, 0)))

    def indices(self, instrument: int) -> Indices:
        return Indices.unpack(self.words.get(("indices_word", (instrument,)), 0))

    def carry(self, instrument: int) -> Carry:
        return Carry.unpack(self.words.get(("carry_word", (instrument,)), 0))

    def held(self, account: int) -> list[int]:
        """Instruments that the account word names."""
        return words.held(self.words.get(("account_word", (account,)), 0))

    # Many words

    def purses(self) -> dict[int, Cash]:
        """By account."""
        return {
            args[0]: Cash.unpack(word)
            for (name, args), word in self.words.items()
            if name == "cash_word" and args[1] == COLLATERAL
        }

    def sizes(self, instrument: int) -> dict[int, int]:
        """By account as written, pools and the backstop too."""
        return {account: held.size for account, held in self.held_in(instrument).items()}

    def held_in(self, instrument: int) -> dict[int, Position]:
        """Positions by account, pools and the backstop too."""
        return {
            args[0]: Position.unpack(word)
            for (name, args), word in self.words.items()
            if name == "position_word" and args[1] == instrument
        }
