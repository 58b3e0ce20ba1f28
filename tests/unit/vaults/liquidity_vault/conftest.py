"""The vault on the real clearing house and oracle, with venues that are plain addresses."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_account import Account

from tidegate.artifacts import artifact, artifacts
from tidegate.chain import Chain, Contract, Receipt
from tidegate.client.errors import ProtocolError
from tidegate.client.price_message import Domain, PriceMessage, PriceSigner
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec import words
from tidegate.spec.rounding import WAD

BTC = words.instrument_id(1)
ETH = words.instrument_id(2)
PRICE = 100 * WAD
EPOCH = 3600
SLOT = 4
ALL = 10**7  # of a redemption's proceeds
SHARE_PPM = 500_000  # half of equity
TOKEN_UNIT = 10**12  # 6 decimals
NEVER = 2**32 - 1
CLOSED, DEPOSIT, REDEEM = 1, 2, 3
LP, MOVE = 4, 2

# no funding, no crowding, no fee: what moves value is the price and the skew
RISK = words.Risk.human(
    calm_skew="0.01",
    half_life=28800,
    scale=1000,
    maintenance_shock="0.03",
    initial_shock="0.05",
    kind=1,
)
TRADE = words.Trade.human(hard=10_000, soft=5_000, minimum=1, band="0.05")
LIMITS = words.Limits.human(
    stress="0.25",
    buffer="0.2",
    max_cost="0.025",
    penalty="0.0075",
    max_half_spread="0.002",
    max_premium="0.01",
)


def quote_word(
    max_premium: int = 10_000, max_half: int = 2_000, base: int = 0, coefficient: int = 0
) -> int:
    """All in ppm; the coefficient in 1e-6 of half spread per volatility."""
    return max_premium | max_half << 20 | base << 40 | coefficient << 60


@dataclass
class Venue:
    """Everything around one vault. Amounts are 1e-18 integers, prices too."""

    chain: Chain
    oracle: Contract
    core: Contract
    vault: Contract
    token: Contract
    signer: PriceSigner
    owner: str = field(default_factory=lambda: local_address("owner"))
    configurator: str = field(default_factory=lambda: local_address("configurator"))
    venue: str = field(default_factory=lambda: local_address("exchange"))
    liquidator: str = field(default_factory=lambda: local_address("liquidator"))
    keeper: str = field(default_factory=lambda: local_address("keeper"))

    # Prices

    def price(self, price: int, feed: int = 1) -> None:
        """In force when this returns; far enough from the last for any step."""
        slot = self.chain.time() // SLOT + 10
        self.chain.set_time(slot * SLOT)
        message = PriceMessage(feed, slot, price, slot * SLOT)
        signature = self.signer.sign(message)
        self.oracle.transact("push", feed, slot, price, slot * SLOT, signature)
        self.chain.advance(1)

    def mark(self, instrument: int = BTC) -> int:
        return self.oracle.call("latest", instrument // 64)[0]

    # Accounts

    def account(self, name: str, sub: int = 0) -> int:
        return words.account(local_address(name), sub)

    def fund(self, name: str, amount: int) -> int:
        """A deposit into the clearing account of a named actor."""
        actor = local_address(name)
        tokens = amount // TOKEN_UNIT
        self.token.transact("mint", actor, tokens)
        self.token.transact("approve", self.core.address, tokens, sender=actor)
        self.core.transact("deposit", words.account(actor), 0, tokens, sender=actor)
        return words.account(actor)

    def lp(self, name: str, amount: int) -> int:
        """As fund, and the vault may move it."""
        account = self.fund(name, amount)
        self.core.transact(
            "set_delegate", self.vault.address, MOVE, NEVER, sender=local_address(name)
        )
        return account

    def cash(self, account: int) -> int:
        return words.Cash.unpack(self.core.call("cash_word", account, 0)).cash

    def principal(self, account: int) -> int:
        return words.Cash.unpack(self.core.call("cash_word", account, 0)).principal

    def shares(self, name: str) -> int:
        return self.vault.call("balanceOf", local_address(name))

    @property
    def treasury(self) -> int:
        return words.treasury(self.vault.address)

    @property
    def escrow(self) -> int:
        return words.account(self.vault.address, 1)

    @property
    def payouts(self) -> int:
        return words.account(self.vault.address, 2)

    @property
    def gains(self) -> int:
        return words.account(self.vault.address, 3)

    @property
    def set_aside(self) -> int:
        """What redemptions are still owed, principal and gains."""
        return self.cash(self.payouts) + self.cash(self.gains)

    @property
    def pool(self) -> int:
        return words.pool(self.vault.address, 1)

    @property
    def insurance(self) -> int:
        return words.insurance(self.core.address, 0)

    @property
    def deficit(self) -> int:
        return words.deficits(self.core.address, 0)

    # Trades

    def fill(self, account: int, size: int, price: int, fee: int = 0, **other: Any) -> tuple:
        instrument = other.get("instrument", BTC)
        pool = words.pool(self.vault.address, instrument // 64)
        return (account, pool, instrument, size, price, fee, 0)

    def trade(
        self, name: str, size: int, instrument: int = BTC, fee: int = 0, by: str | None = None
    ) -> int:
        """At the vault's quote; returns the price."""
        price = self.vault.call("quote", instrument, size, self.mark(instrument), 0)
        fill = self.fill(self.account(name), size, price, fee, instrument=instrument)
        self.core.transact("clear", [fill], sender=by or self.venue)
        return price

    def size(self, account: int, instrument: int = BTC) -> int:
        word = self.core.call("position_word", account, instrument)
        return words.Position.unpack(word).size

    # The vault

    @property
    def equity(self) -> int:
        return self.vault.call("equity")

    @property
    def epoch(self) -> int:
        return self.chain.time() // EPOCH

    def request_deposit(
        self, name: str, amount: int, least: int = 0, deadline: int = NEVER
    ) -> Receipt:
        return self.vault.transact(
            "request_deposit",
            self.account(name),
            amount,
            least,
            deadline,
            sender=local_address(name),
        )

    def request_redeem(
        self, name: str, shares: int, least: int = 0, deadline: int = NEVER
    ) -> Receipt:
        return self.vault.transact(
            "request_redeem",
            self.account(name),
            shares,
            least,
            deadline,
            sender=local_address(name),
        )

    def close_epoch(self, price: int | None = None, feeds: tuple[int, ...] = (1,)) -> int:
        """Past the end of the present epoch, a price published after it in force."""
        epoch = self.epoch
        marks = [self.mark(feed * 64) for feed in feeds]
        self.chain.set_time((epoch + 1) * EPOCH)
        for feed, mark in zip(feeds, marks, strict=True):
            self.price(price or mark, feed)
        return epoch

    def process(self, epoch: int) -> Receipt:
        return self.vault.transact("process_epoch", epoch, sender=self.keeper)

    def settle(self, price: int | None = None) -> Receipt:
        """Close the present epoch at a price and process it."""
        return self.process(self.close_epoch(price))

    def claim(self, name: str) -> Receipt:
        return self.vault.transact("claim", self.account(name), sender=self.keeper)

    def provide(self, name: str, amount: int) -> int:
        """Deposit, wait, claim: returns the shares."""
        self.lp(name, amount)
        self.request_deposit(name, amount)
        self.settle()
        self.claim(name)
        return self.shares(name)

    def redeem(self, name: str, shares: int) -> int:
        """Redeem, wait, claim: returns the collateral that came."""
        before = self.cash(self.account(name))
        self.request_redeem(name, shares)
        self.settle()
        self.claim(name)
        return self.cash(self.account(name)) - before

    def lose(self, name: str, margin: int, size: int, crash: int) -> int:
        """A long that falls below zero and is closed, not yet booked: returns what it lacks."""
        account = self.fund(name, margin)
        self.trade(name, size)
        self.price(crash)
        self.trade(name, -size, by=self.liquidator)
        return -self.cash(account)

    def book(self, name: str) -> None:
        self.core.transact("book_deficit", self.account(name), 0, sender=self.liquidator)

    def list(self, instrument: int, risk: words.Risk, trade: words.Trade, word: int) -> None:
        self.core.transact(
            "set_terms",
            instrument,
            risk.pack(),
            trade.pack(),
            LIMITS.pack(),
            sender=self.configurator,
        )
        self.vault.transact("set_quote", instrument, word, sender=self.owner)
        self.price(self.mark(instrument), instrument // 64)

    def conserved(self) -> bool:
        """Cash of all accounts that took part equals the tokens held."""
        accounts = {self.treasury, self.escrow, self.payouts, self.gains}
        accounts |= {self.insurance, self.deficit}
        accounts |= {words.pool(self.vault.address, u) for u in (1, 2)}
        actors = (
            "trader",
            "other trader",
            "lp",
            "other lp",
            "third lp",
            "keeper",
            "donor",
            "loser",
        )
        accounts |= {self.account(name) for name in actors}
        pots = sum(
            words.Carry.unpack(self.core.call("carry_word", instrument)).pot
            for instrument in (BTC, ETH)
        )
        held = self.token.call("balanceOf", self.core.address) * TOKEN_UNIT
        return sum(map(self.cash, accounts)) + pots == held


@pytest.fixture(scope="session")
def compiled() -> dict[str, Any]:
    return artifacts(
        ["PriceOracle", "SharedLosses", "ClearingHouse", "LiquidityVault", "FaucetToken"]
    )


def deploy(chain: Chain) -> Venue:
    """Priced at PRICE; the vault quotes nothing yet."""
    owner = local_address("owner")
    key = Account.from_key((1).to_bytes(32, "big"))
    oracle = chain.deploy(artifact("PriceOracle"), owner, SLOT, [key.address], 1, 0)
    losses = chain.deploy(artifact("SharedLosses"))
    core = chain.deploy(
        artifact("ClearingHouse"), oracle.address, local_address("configurator"), losses.address
    )
    vault = chain.deploy(
        artifact("LiquidityVault"), core.address, oracle.address, owner, EPOCH, SHARE_PPM
    )
    token = chain.deploy(artifact("FaucetToken"), "Test dollar", "TUSD", 6)
    signer = PriceSigner(key, Domain(chain.chain_id, oracle.address))
    venue = Venue(chain, oracle, core, vault, token, signer)
    asset = words.Asset.human(
        escrow=10_000, share="0.1", window=3600, token_decimals=6, token=int(token.address, 16)
    )
    core.transact("add_asset", 0, asset.pack(), vault.address, sender=venue.configurator)
    for feed in (1, 2):
        oracle.transact("set_feed", feed, 1000, 204_700, sender=owner)
        venue.price(PRICE, feed)
    core.transact("set_venue", venue.venue, 1, sender=venue.configurator)
    core.transact("set_venue", venue.liquidator, 2, sender=venue.configurator)
    return venue


@pytest.fixture
def bare(compiled: dict[str, Any]) -> Venue:
    """Deployed and priced; the vault quotes nothing yet."""
    return deploy(RevmChain(timestamp=472_222 * EPOCH))


@pytest.fixture
def listed(bare: Venue) -> Venue:
    """One market, no shareholder."""
    bare.list(BTC, RISK, TRADE, quote_word())
    return bare


@pytest.fixture
def venue(listed: Venue) -> Venue:
    """One market; "lp" owns the vault's 1,000,000."""
    listed.provide("lp", 1_000_000 * WAD)
    return listed


@pytest.fixture
def refuses():
    """Call and expect an error by name."""

    def check(error: str, action, *args, **kwargs) -> None:
        with pytest.raises(ProtocolError) as refusal:
            action(*args, **kwargs)
        assert refusal.value.name == error

    return check
