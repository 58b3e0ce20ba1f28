"""What somebody's holdings are worth at prices one names, computed here from the ledger's words.

The contracts are asked for words only, never for a value: what they believe an account, a share or
the vault to be worth is what is under test. All amounts 1e-18.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.harness.system import BTC, ETH, System
from tidegate.deployment import COLLATERAL
from tidegate.spec import funding, quote, words
from tidegate.spec.rounding import PPM, WAD, div_down
from tidegate.spec.vault import PRICE_ONE, VIRTUAL, share_price
from tidegate.spec.words import Carry, Cash, Indices, Interest, Position, Risk

MARKETS = (BTC, ETH)
TOKEN_UNIT = 10**12  # the token has 6 decimals
Marks = dict[int, int]  # by feed


@dataclass(frozen=True, slots=True)
class Market:
    """An instrument's words and the pool's side of it."""

    indices: Indices
    interest: Interest
    carry: Carry
    pool: Position
    pool_cash: Cash


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that the value of one party's holdings depends on."""

    tokens: int  # in their hands, 1e-18
    cash: dict[int, Cash]  # by account
    positions: dict[tuple[int, int], Position]
    markets: dict[int, Market]
    treasury: int
    deficits: int
    supply: int
    shares: int  # in their hands
    asked: tuple[int, int]  # collateral and shares in requests and claims

    def held(self, account: int) -> list[int]:
        return [i for i in MARKETS if self.positions[account, i].size]


@dataclass(frozen=True, slots=True)
class Terms:
    """What does not change within a life."""

    risk: dict[int, Risk]
    max_premium: dict[int, int]  # ppm
    fee: dict[int, int]  # ppm
    insured: dict[int, int]  # ppm of fees
    penalty: dict[int, int]  # ppm
    reward: dict[int, int]  # 1e-18, the most

    @classmethod
    def of(cls, system: System) -> "Terms":
        by_id = {market.instrument: market for market in system.config.markets}
        return cls(
            {i: m.risk for i, m in by_id.items()},
            {i: words.to_units(m.quote.max_premium, PPM) for i, m in by_id.items()},
            {i: m.trade.taker_fee for i, m in by_id.items()},
            {i: m.trade.insurance_share for i, m in by_id.items()},
            {i: m.limits.penalty for i, m in by_id.items()},
            {i: m.limits.keeper_reward for i, m in by_id.items()},
        )

    def premium(self, instrument: int, skew: int, size: int) -> int:
        """Units of the underlying that a fill pays on top: Phi(skew + size) - Phi(skew)."""
        scale, most = self.risk[instrument].skew_scale, self.max_premium[instrument]
        after = quote.potential_numerator(skew + size, scale, most)
        before = quote.potential_numerator(skew, scale, most)
        return div_down(after - before, 2 * scale * PPM**2)


class Worth:
    """Words at one moment and at given prices."""

    def __init__(self, of: Words, terms: Terms, now: int, marks: Marks) -> None:
        self.words, self.terms, self.now, self.marks = of, terms, now, marks

    def mark(self, instrument: int) -> int:
        return self.marks[words.underlying_of(instrument)]

    @cached_property
    def indices(self) -> dict[int, Indices]:
        return {
            i: funding.accrued(
                m.indices, m.interest, m.carry, self.terms.risk[i], m.carry.price, self.now
            )[0]
            for i, m in self.words.markets.items()
        }

    def _position(self, instrument: int, held: Position) -> int:
        index = self.indices[instrument].of(held.size)
        due = funding.due_up(held.size, index, held.checkpoint)
        return div_down(held.size * self.mark(instrument), WAD) - due

    def equity(self, account: int) -> int:
        """Of a clearing account; negative where it owes."""
        value = self.words.cash[account].cash
        for i in self.words.held(account):
            value += self._position(i, self.words.positions[account, i])
        return value

    @cached_property
    def vault(self) -> int:
        """Equity of the vault: cash, positions, less unswept fees, deficits and the potential."""
        value = self.words.treasury + self.words.deficits
        for i, market in self.words.markets.items():
            value += market.pool_cash.cash - market.pool_cash.principal
            value += self._position(i, market.pool)
            value -= quote.potential_up(
                market.interest.skew,
                self.terms.risk[i].skew_scale,
                self.terms.max_premium[i],
                self.mark(i),
            )
        return value

    @cached_property
    def share(self) -> int:
        """A vault share, 1e-27."""
        return share_price(self.vault, self.words.supply)

    @cached_property
    def shares(self) -> int:
        """Vault shares, those in requests included."""
        return self.words.shares + self.words.asked[1]

    @cached_property
    def liquid(self) -> int:
        """Everything but vault shares and what orders have in escrow."""
        accounts = sum(self.equity(account) for account in self.words.cash)
        return self.words.tokens + accounts + self.words.asked[0]

    @cached_property
    def total(self) -> int:
        """Wealth but for what orders have in escrow."""
        return self.liquid + self.shares * self.share // PRICE_ONE

    def of_vault(self, amount: int) -> int:
        """The shareholders' part of a change of the vault's equity, toward zero."""
        part = abs(amount) * self.shares // (self.words.supply + VIRTUAL)
        return part if amount > 0 else -part


Read = tuple[str, bytes]  # address, calldata


class Reader:
    """Reads the words of one party's holdings, with the calls encoded once."""

    def __init__(self, system: System, owners: Sequence[str], accounts: Iterable[int]) -> None:
        self.system, self.evm = system, system.chain._evm
        self.owners, self.accounts = owners, tuple(accounts)
        core, vault, token = system.core, system.vault, system.token
        deployment = system.deployment

        def read(contract: object, fn: str, *args: object) -> Callable[[], int]:
            return self._reader(contract.address, contract.encode(fn, *args))  # type: ignore[attr-defined]

        self._tokens = [read(token, "balanceOf", owner) for owner in owners]
        self._shares = [read(vault, "balanceOf", owner) for owner in owners]
        self._supply = read(vault, "totalSupply")
        self._cash = {a: read(core, "cash_word", a, COLLATERAL) for a in self.accounts}
        self._positions = {
            (a, i): read(core, "position_word", a, i) for a in self.accounts for i in MARKETS
        }
        self._treasury = read(core, "cash_word", deployment.treasury, COLLATERAL)
        self._deficits = read(core, "cash_word", deployment.deficits, COLLATERAL)
        self._markets = {
            i: (
                read(core, "indices_word", i),
                read(core, "interest_word", i),
                read(core, "carry_word", i),
                read(core, "position_word", deployment.pool(i), i),
                read(core, "cash_word", deployment.pool(i), COLLATERAL),
            )
            for i in MARKETS
        }

    def _reader(self, address: str, data: bytes) -> Callable[[], int]:
        evm, sender = self.evm, self.system.chain.sender

        def read() -> int:
            return int.from_bytes(evm.message_call(sender, address, calldata=data, is_static=True))

        return read

    def words(self, asked: tuple[int, int]) -> Words:
        """Now; with what waits in requests."""
        return Words(
            tokens=sum(read() for read in self._tokens) * TOKEN_UNIT,
            cash={a: Cash.unpack(read()) for a, read in self._cash.items()},
            positions={key: Position.unpack(read()) for key, read in self._positions.items()},
            markets={i: self._market(*reads) for i, reads in self._markets.items()},
            treasury=Cash.unpack(self._treasury()).cash,
            deficits=Cash.unpack(self._deficits()).cash,
            supply=self._supply(),
            shares=sum(read() for read in self._shares),
            asked=asked,
        )

    @staticmethod
    def _market(*reads: Callable[[], int]) -> Market:
        kinds = (Indices, Interest, Carry, Position, Cash)
        return Market(*(kind.unpack(read()) for kind, read in zip(kinds, reads, strict=True)))
