"""The ledger's laws, checked on the raw words of one chain state with the specification.

`Books` is what was read; each law is a function of it alone and exact in integers. Amounts are in
1e-18 of the collateral, sizes in 1e-18 units, indices in 1e-27.

Where a side of a market has shared a loss, positions are less than their words say: those sum to
zero with the backstop's, and what is left of them makes the open interest, but for CRUMBS of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.spec import funding, quote, words
from tidegate.spec.rounding import INDEX_ONE, WAD, div_down
from tidegate.spec.words import Carry, Cash, Indices, Interest, Position, Risk

CRUMBS = 3  # 1e-18 units by which roundings of shared losses may move what is left of a position


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a position whose side shared a loss, and what it owes the pot, rounded up."""

    size: int
    due: int


@dataclass(frozen=True, slots=True)
class MarketBooks:
    """One instrument."""

    indices: Indices
    interest: Interest
    carry: Carry
    risk: Risk
    mark: int  # price in force, 1e-18
    max_premium: int  # the vault's, ppm


@dataclass(frozen=True, slots=True)
class Books:
    """One asset's whole ledger at one moment."""

    time: int  # seconds
    core: int  # address
    vault: int  # address
    asset: int
    cash: Mapping[int, Cash]  # by account
    positions: Mapping[tuple[int, int], Position]  # by account and instrument
    markets: Mapping[int, MarketBooks]  # by instrument
    held: int  # tokens of the core
    donations: int  # of them, sent without a deposit
    booked: int  # deficits booked less repaid, as the events say
    vault_equity: int  # as the vault says
    held_by: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # ids of account words
    # of the positions in markets whose sides shared a loss, as the core says
    standings: Mapping[tuple[int, int], Standing] = field(default_factory=dict)

    def cash_of(self, account: int) -> int:
        word = self.cash.get(account)
        return word.cash if word else 0

    def size_of(self, account: int, instrument: int) -> int:
        """What is left of a position."""
        standing = self.standings.get((account, instrument))
        return standing.size if standing else self.positions[account, instrument].size

    def sizes(self, instrument: int) -> dict[int, int]:
        """As written."""
        return {
            account: position.size
            for (account, held), position in self.positions.items()
            if held == instrument
        }


def position_sum_zero(books: Books) -> bool:
    """L1, and the open interest of a market is what its accounts other than pools hold."""
    backstop = words.backstop(books.core)
    for instrument, market in books.markets.items():
        sizes = books.sizes(instrument)
        if sum(sizes.values()) != 0:
            return False
        pool = words.pool(books.vault, instrument // words.INSTRUMENTS_PER_UNDERLYING)
        others = [
            books.size_of(account, instrument)
            for account in sizes
            if account not in (pool, backstop)
        ]
        longs = sum(size for size in others if size > 0)
        shorts = -sum(size for size in others if size < 0)
        crumbs = CRUMBS * len(others) if market.risk.shared else 0
        if abs(market.interest.long_side - longs) > crumbs:
            return False
        if abs(market.interest.short_side - shorts) > crumbs:
            return False
    return True


def cash_conserved(books: Books) -> bool:
    """L2: cash of all accounts and pots, plus donations, is what the core holds."""
    cash = sum(word.cash for word in books.cash.values())
    pots = sum(market.carry.pot for market in books.markets.values())
    return cash + pots + books.donations == books.held


def pots_covered(books: Books) -> bool:
    """L3: each pot plus all that is exactly due to it is not negative."""
    backstop = words.backstop(books.core)
    for instrument, market in books.markets.items():
        due = 0
        for (account, held), position in books.positions.items():
            standing = books.standings.get((account, held))
            if held != instrument or account == backstop:
                continue
            if standing:
                due += standing.due * INDEX_ONE
            else:
                due += position.size * (market.indices.of(position.size) - position.checkpoint)
        if market.carry.pot * INDEX_ONE + due < 0:
            return False
    return True


def deficits_booked(books: Books) -> bool:
    """What is booked stands on the deficit account; nobody without positions owes beside it."""
    deficits = words.deficits(books.core, books.asset)
    if books.cash_of(deficits) != -books.booked:
        return False
    open_accounts = {account for (account, _), held in books.positions.items() if held.size}
    return all(
        word.cash >= 0
        for account, word in books.cash.items()
        if account != deficits and account not in open_accounts and not word.flags & words.POOL
    )


def vault_equity(books: Books) -> int:
    """The vault's equity from its definition, rounded down."""
    equity = books.cash_of(words.treasury(books.vault))
    equity += books.cash_of(words.deficits(books.core, books.asset))
    pools = {
        instrument: words.pool(books.vault, instrument // words.INSTRUMENTS_PER_UNDERLYING)
        for instrument in books.markets
    }
    for pool in set(pools.values()):
        word = books.cash.get(pool, Cash())
        equity += word.cash - word.principal
    for instrument, market in books.markets.items():
        if not market.interest.long_side and not market.interest.short_side:
            continue
        position = books.positions.get((pools[instrument], instrument), Position())
        indices, _, _ = funding.accrued(
            market.indices, market.interest, market.carry, market.risk, market.mark, books.time
        )
        equity += div_down(position.size * market.mark, WAD)
        equity -= funding.due_up(position.size, indices.of(position.size), position.checkpoint)
        equity -= quote.potential_up(
            market.interest.skew, market.risk.skew_scale, market.max_premium, market.mark
        )
    return equity


def vault_equity_matches(books: Books) -> bool:
    return books.vault_equity == vault_equity(books)


LAWS = {
    "position_sum_zero": position_sum_zero,
    "cash_conserved": cash_conserved,
    "pots_covered": pots_covered,
    "deficits_booked": deficits_booked,
    "vault_equity_matches": vault_equity_matches,
}


def check(books: Books) -> dict[str, bool]:
    """Every law by name."""
    return {name: law(books) for name, law in LAWS.items()}
