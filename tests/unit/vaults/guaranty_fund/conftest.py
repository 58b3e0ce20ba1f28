"""The fund on the real clearing house and vault; accounts that default by an exact amount."""

from dataclasses import dataclass, replace

import pytest

from tests.unit.vaults.liquidity_vault.conftest import (
    BTC,
    LIMITS,
    MOVE,
    NEVER,
    PRICE,
    RISK,
    TRADE,
    Venue,
    quote_word,
)
from tests.unit.vaults.liquidity_vault.conftest import deploy as deploy_venue
from tidegate.artifacts import artifact, artifacts
from tidegate.chain import Chain, Contract, Receipt
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec import words
from tidegate.spec.fund import DAY, Parameters
from tidegate.spec.rounding import PPM, WAD

ONE = 10**27  # price of a share
START = 1_700_006_400  # the start of a day and of an epoch
HALF = Parameters(
    vesting=7 * DAY,
    window=2 * DAY,
    notice=14 * DAY,
    assessment=30 * DAY,
    day_share=50_000,
    payment=10_000,
    assessed=250_000,
    pledged=500_000,
)


@dataclass
class Hall(Venue):
    """A venue with a guaranty fund. Amounts are 1e-18 integers."""

    fund_contract: Contract | None = None
    defaults: int = 0

    @property
    def guaranty(self) -> Contract:
        assert self.fund_contract is not None
        return self.fund_contract

    @property
    def purse(self) -> int:
        """The fund's account."""
        return words.account(self.guaranty.address)

    # Shareholders

    def member(self, name: str, amount: int) -> int:
        """Cash in the clearing account of a named actor, and the fund may move it."""
        account = self.fund(name, amount)
        self.core.transact(
            "set_delegate", self.guaranty.address, MOVE, NEVER, sender=local_address(name)
        )
        return account

    def put(self, name: str, amount: int, least: int = 0) -> Receipt:
        """Contribute, of what is in the account."""
        return self.guaranty.transact(
            "contribute", self.account(name), amount, least, sender=local_address(name)
        )

    def contribute(self, name: str, amount: int) -> int:
        """Cash and shares for it; how many."""
        self.member(name, amount)
        before = self.held(name)
        self.put(name, amount)
        return self.held(name) - before

    def held(self, name: str) -> int:
        return self.guaranty.call("balanceOf", local_address(name))

    def notice(self, name: str, shares: int | None = None) -> Receipt:
        shares = self.held(name) if shares is None else shares
        return self.guaranty.transact(
            "give_notice", self.account(name), shares, sender=local_address(name)
        )

    def leave(self, name: str, least: int = 0) -> Receipt:
        """Claim."""
        return self.guaranty.transact(
            "claim", self.account(name), least, sender=local_address(name)
        )

    def cancel(self, name: str, by: str | None = None) -> Receipt:
        return self.guaranty.transact(
            "cancel", self.account(name), sender=local_address(by or name)
        )

    def give(self, amount: int, target: int | None = None, name: str = "donor") -> None:
        """Out of a named actor's account, by transfer; to the fund by default."""
        account = self.fund(name, -(-amount // 10**12) * 10**12)
        target = self.purse if target is None else target
        self.core.transact("transfer", account, target, 0, amount, sender=local_address(name))

    # Tranches

    @property
    def mutual(self) -> int:
        return self.guaranty.call("funds_word") & (2**128 - 1)

    @property
    def pledge(self) -> int:
        return self.guaranty.call("funds_word") >> 128

    @property
    def price_of_share(self) -> int:
        return self.guaranty.call("share_price")

    def wait(self, seconds: int) -> None:
        """Later, with the prices as they are."""
        self.chain.advance(seconds)
        self.price(self.mark())

    # Deficits

    def default(self, amount: int) -> str:
        """An actor whose account without positions lacks exactly this; the price is as before."""
        self.defaults += 1
        name = f"defaulter {self.defaults}"
        size = amount // 12 + 10 * WAD
        self.price(PRICE)
        lack = self.lose(name, 6 * size + 100 * WAD, size, 80 * WAD)
        self.price(PRICE)
        assert lack >= amount
        if lack > amount:
            self.give(lack - amount, self.account(name))
        assert self.cash(self.account(name)) == -amount
        return name

    def booked(self, amount: int) -> None:
        """A default of this, on the books; insurance pays first."""
        self.book(self.default(amount))

    def insure(self, amount: int) -> None:
        """Cash of the insurance account."""
        self.give(amount, self.insurance)

    def cover(self) -> Receipt:
        return self.guaranty.transact("cover", 0, sender=self.keeper)

    def absorb(self) -> Receipt:
        return self.vault.transact("absorb", sender=self.keeper)

    @property
    def owed(self) -> int:
        return -self.cash(self.deficit)

    def pay(self, amount: int, name: str = "bidder", by: str | None = None) -> int:
        """What a bidder gets."""
        account = self.account(name)
        before = self.cash(account)
        self.guaranty.transact("pay_bidder", account, amount, sender=by or self.liquidator)
        return self.cash(account) - before

    def sound(self, *names: str) -> bool:
        """Cash is the tokens held, and the fund's books are what it holds."""
        accounts = {
            self.treasury, self.escrow, self.payouts, self.gains, self.insurance, self.deficit,
            self.purse, words.pool(self.vault.address, 1), words.pool(self.vault.address, 2),
        }  # fmt: skip
        people = {"lp", "donor", "keeper", "bidder", "trader", "other trader", "member", "other"}
        people |= {f"defaulter {i + 1}" for i in range(self.defaults)} | set(names)
        accounts |= {self.account(name) for name in people}
        pots = sum(words.Carry.unpack(self.core.call("carry_word", i)).pot for i in (64, 128))
        held = self.token.call("balanceOf", self.core.address) * 10**12
        word = words.Cash.unpack(self.core.call("cash_word", self.purse, 0))
        return (
            sum(map(self.cash, accounts)) + pots == held
            and word.cash >= word.principal >= self.mutual + self.pledge
        )


def deploy(chain: Chain, parameters: Parameters = HALF) -> Hall:
    """One market, a vault of nobody, a fund without shareholders."""
    venue = deploy_venue(chain)
    fund = chain.deploy(
        artifact("GuarantyFund"), venue.core.address, venue.owner, parameters.pack()
    )
    hall = Hall(
        venue.chain,
        venue.oracle,
        venue.core,
        venue.vault,
        venue.token,
        venue.signer,
        fund_contract=fund,
    )
    # what Configurator.reserve does
    word = venue.core.call("asset_word", 0)
    for holder in (fund.address, venue.vault.address):
        venue.core.transact("add_asset", 0, word, holder, sender=venue.configurator)
    hall.list(BTC, replace(RISK, scale=10**12), replace(TRADE, soft=10**12, hard=10**12), QUOTE)
    return hall


QUOTE = quote_word()
assert LIMITS.stress * 10_000 <= PPM * 10_000


@pytest.fixture(scope="session")
def compiled():
    return artifacts(
        ["PriceOracle", "ClearingHouse", "LiquidityVault", "FaucetToken", "GuarantyFund"]
    )


@pytest.fixture(scope="session")
def _hall(compiled) -> Hall:
    return deploy(RevmChain(timestamp=START))


@pytest.fixture
def empty(_hall: Hall):
    """A fund without shareholders, a vault of nobody."""
    checkpoint = _hall.chain.snapshot()
    yield _hall
    _hall.chain.restore(checkpoint)
    _hall.defaults = 0
    # a signer signs a slot once; the next test's slots are the same ones again
    _hall.signer.signed.clear()


@pytest.fixture
def hall(empty: Hall) -> Hall:
    """ "member" put 100,000 into the fund, "lp" 1,000,000 into the vault."""
    empty.provide("lp", 1_000_000 * WAD)
    empty.contribute("member", 100_000 * WAD)
    return empty


@pytest.fixture
def refuses():
    """Call and expect an error by name."""
    from tidegate.client.errors import ProtocolError

    def check(error: str, action, *args, **kwargs) -> None:
        with pytest.raises(ProtocolError) as refusal:
            action(*args, **kwargs)
        assert refusal.value.name == error

    return check
