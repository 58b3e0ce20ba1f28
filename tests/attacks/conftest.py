"""What attackers own, counted in one number; a venue that clears whatever it is told."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.harness.system import BTC, System, wad
from tidegate.artifacts import artifact
from tidegate.chain import Receipt
from tidegate.deployment import COLLATERAL, TRADING
from tidegate.spec import words
from tidegate.spec.rounding import WAD


class Venue:
    """A registered trading venue without rules of its own: what it does, a hostile one can."""

    def __init__(self, system: System, role: int = TRADING) -> None:
        self.system = system
        self.contract = system.chain.deploy(artifact("BackerMock"))
        core = system.core
        configurator = system.deployment.configurator
        system.govern(configurator, "set_venue", core.address, self.contract.address, role)

    def fill(self, taker: int, instrument: int, size: int, price: int, **more: int) -> tuple:
        """Against the pool unless a maker is named; 1e-18."""
        maker = more.get("maker", self.system.deployment.pool(instrument))
        return taker, maker, instrument, size, price, more.get("fee", 0), more.get("slot", 0)

    def payment(self, source: int, target: int, amount: int) -> tuple:
        return source, target, 0, 0, 0, amount, 0

    def clear(self, *fills: tuple) -> Receipt:
        core = self.system.core
        message = core.encode("clear", list(fills))
        return self.contract.transact("forward", core.address, message)


@pytest.fixture
def venue(funded: System) -> Venue:
    return Venue(funded)


def net(system: System, account: int) -> int:
    """Equity of an account, 1e-18."""
    return system.health(account)[0]


def wealth(system: System, owner: str, *accounts: int) -> int:
    """Tokens, equity of accounts and shares at their price, 1e-18."""
    tokens = system.token.call("balanceOf", owner) * 10**12
    shares = system.vault.call("balanceOf", owner)
    price = system.vault.call("share_price")
    return tokens + sum(net(system, account) for account in accounts) + shares * price // 10**27


def principal(system: System, account: int) -> int:
    return words.Cash.unpack(system.core.call("cash_word", account, COLLATERAL)).principal


def withdraw(system: System, account: int, amount: int | str) -> Receipt:
    """Whole tokens, by the owner to itself."""
    owner = f"0x{account >> 96:040x}"
    return system.core.transact(
        "withdraw", account, COLLATERAL, wad(amount) // 10**12, owner, sender=owner
    )


@pytest.fixture
def laws(system: System) -> Callable[..., None]:
    """Positions sum to zero and cash to the tokens held, over these accounts and the system's."""

    def check(*accounts: int) -> None:
        deployment = system.deployment
        every = {*accounts, deployment.treasury, deployment.insurance, deployment.deficits}
        every |= {words.account(int(system.vault), sub) for sub in (1, 2, 3)}
        every |= {words.account(contract) for contract in (int(system.exchange),)}
        pools = {i: deployment.pool(i) for i in deployment.markets.values()}
        every |= set(pools.values())
        pots = 0
        for instrument in pools:
            assert sum(system.size(account, instrument) for account in every) == 0
            pots += words.Carry.unpack(system.core.call("carry_word", instrument)).pot
        cash = sum(system.cash(account) for account in every)
        held = system.token.call("balanceOf", system.core.address) * 10**12
        assert cash + pots == held

    return check


def trade(system: System, account: int, size: int) -> None:
    """In orders whose lapse fee one payment may escrow."""
    step = 50 if size > 0 else -50
    while size:
        part = step if abs(size) > 50 else size
        system.trade(account, BTC, part)
        size -= part


def close(system: System, account: int) -> None:
    """All of BTC, by reduce-only orders: they escrow nothing."""
    size = system.size(account, BTC)
    order = system.order(account, BTC, Decimal(-size) / WAD, reduce_only=True)
    system.place(order)
    system.execute(order)
    assert system.size(account, BTC) == 0
