"""Invariants that need a try: calls of the bytecode that are taken back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from tests.stateful.state_laws import StateLaws, hold
from tests.stateful.world import INSTRUMENTS, T2, UNIT
from tidegate.client.errors import ProtocolError
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, Fill
from tidegate.spec.funding import DAY, INTEGRAL_TO_INDEX, LN2
from tidegate.spec.rounding import PPM, WAD, div_up


class Probes(StateLaws):
    """Each leaves the chain as it was."""

    @contextmanager
    def trial(self) -> Iterator[None]:
        chain = self.system.chain
        checkpoint = chain.snapshot()
        try:
            yield
        finally:
            chain.restore(checkpoint)

    def quoted_fill(self, account: int, instrument: int, size: int) -> Fill:
        """Against the vault at the bytecode's own quote, with the whole fee."""
        mark = self.mark(instrument)
        price = self.system.contracts["vault"].call("quote", instrument, size, mark, 0)
        taker_fee = self.system.world.terms[instrument][1].taker_fee
        fee = div_up(abs(size) * price * taker_fee, WAD * PPM)
        return Fill(account, self.pool(instrument), instrument, size, price, fee)

    def clear(self, venue: int, *fills: Fill) -> None:
        core, names = self.system.contracts["core"], self.system.names
        core.transact("clear", list(fills), sender=names[venue])

    def release_brakes(self) -> None:
        """What a level stops it stops for a time."""
        core, braker = self.system.contracts["core"], self.system.names[self.system.braker]
        for instrument in INSTRUMENTS:
            core.transact("set_brake", instrument, 0, sender=braker)

    def inv_07_there_and_back(self, account: int, instrument: int, size: int) -> bool:
        """Out in two parts at the quotes of one moment is never for more than in; if it opened."""
        venue = self.system.venue
        before = self.core("health", account)[0]
        with self.trial():
            try:
                self.clear(venue, self.quoted_fill(account, instrument, size))
                self.clear(venue, self.quoted_fill(account, instrument, -(size // 3)))
                self.clear(venue, self.quoted_fill(account, instrument, size // 3 - size))
            except ProtocolError:
                return False
            after = self.core("health", account)[0]
        hold(after <= before, f"INV-07: {after - before} gained by {size} of {instrument}")
        return True

    def inv_11(self, account: int) -> str:
        """What lacks margin can be liquidated; the rest can reduce, top up and leave; which."""
        system, owner = self.system, self.system.names[words.owner_of(account)]
        core = system.contracts["core"]
        equity, _, maintenance, _ = self.core("health", account)
        held = [i for i in self.sums.held(account) if self.sums.left(account, i)]
        hedged = len({words.underlying_of(i) for i in held}) < len(held)
        if held and hedged:
            # a leg alone raises what is required, and the deployment lists one an underlying
            return "hedged"
        if held and equity < maintenance:
            slicer, keeper = system.contracts["slicer"], words.account(system.keeper)
            tries = [partial(slicer.call, "liquidate", [account], [i], keeper) for i in held]
            with self.trial():
                self.release_brakes()
                tries.append(partial(self._by_auction, account, held, keeper))
                self._one_passes(f"liquidation of {account:#x}", tries)
            return "liquidated"
        with self.trial():
            deposit = (account, COLLATERAL, 10**6)
            self._one_passes("deposit", [lambda: core.transact("deposit", *deposit, sender=owner)])
            for instrument in self.sums.held(account):
                size = -self.sums.left(account, instrument)
                if not size:  # losses closed it
                    core.transact("settle", account, instrument, sender=owner)
                    continue
                fill = self.quoted_fill(account, instrument, size)
                self._one_passes("close", [partial(self.clear, system.last_venue, fill)])
            purse = words.Cash.unpack(self.core("cash_word", account, COLLATERAL))
            # a whole close may leave a debt; the tokens may be with others while a deficit is open
            tokens = system.contracts["token"].call("balanceOf", core.address)
            free = min(purse.principal, purse.cash, tokens * UNIT) // UNIT
            if free > 0:
                withdrawal = (account, COLLATERAL, free, owner)
                self._one_passes(
                    "withdrawal", [lambda: core.transact("withdraw", *withdrawal, sender=owner)]
                )
        return "left" if held else "withdrawn"

    @staticmethod
    def _one_passes(what: str, tries: list[Callable[[], object]]) -> None:
        reasons = []
        for attempt in tries:
            try:
                attempt()
                return
            except ProtocolError as error:
                reasons.append(error.name)
        hold(False, f"INV-11: {what}: {reasons}")

    def _by_auction(self, account: int, held: list[int], keeper: int) -> None:
        """Within T_max: an auction, and what follows when nobody bids."""
        slicer, caller = self.system.contracts["slicer"], self.system.names[self.system.keeper]
        with suppress(ProtocolError):  # one may run
            slicer.transact("open_auction", account, held[0], sender=caller)
        self.system.chain.advance(T2)
        for name in ("takeover", "deleverage"):
            for instrument in held:
                with suppress(ProtocolError):
                    slicer.transact(name, account, instrument, keeper, sender=caller)
                    return
        slicer.transact("deleverage", account, held[0], keeper, sender=caller)

    def inv_17_idempotent(self, instrument: int, seconds: int) -> None:
        """A second accrual of a second changes nothing; two intervals are as good as one."""
        core, keeper = self.system.contracts["core"], self.system.names[self.system.keeper]
        chain = self.system.chain
        risk = self.system.world.terms[instrument][0]

        def poke() -> tuple[int, int]:
            core.transact("poke", instrument, sender=keeper)
            return self.core("indices_word", instrument), self.core("carry_word", instrument)

        def index(word: int) -> int:
            return words.Indices.unpack(word).long

        with self.trial():
            chain.advance(1)  # a price that came this second is in force in the next
            first = poke()
            hold(poke() == first, f"INV-17: a second poke of {instrument} in one second")
            price = words.Carry.unpack(first[1]).price
            with self.trial():
                chain.advance(2 * seconds)
                whole = index(poke()[0])
            chain.advance(seconds)
            poke()
            chain.advance(seconds)
            parts = index(poke()[0])
        # bounds of one interval on the rate and on twice its integral: tidegate/spec/funding.py
        rate = 4 + 2 * seconds // DAY + self._met(risk.max_velocity)
        twice = (2 + 2 * seconds // DAY) * 4 * seconds + 8 * risk.half_life * WAD // LN2 + 2
        twice += 2 * rate * 2 * seconds
        most = twice * price // INTEGRAL_TO_INDEX + 3
        off = abs(whole - parts)
        hold(off <= most, f"INV-17: indices {off} apart for {instrument}, bound {most}")

    @staticmethod
    def _met(max_velocity: int) -> int:
        """How far the rate moves in the second in which it meets its cap, 1e-15 per day."""
        return max_velocity * 10**9 // DAY + 1
