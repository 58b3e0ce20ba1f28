"""Each invariant of the machine says so when what it read, or what it remembers, is wrong."""

from collections.abc import Callable

import pytest

from tests.stateful.call_laws import Health
from tests.stateful.cast import Tally
from tests.stateful.life import Life
from tests.stateful.state_laws import Broken
from tests.stateful.world import BTC, ETH, MIN_KEEPER_FEE, NEVER, UNIT
from tidegate.client.orders import MAX_LIMIT, Order
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL
from tidegate.spec.rounding import WAD


@pytest.fixture
def life() -> Life:
    """Two positions, an order, an epoch behind them."""
    life = Life(Tally())
    life.refresh()
    for account, instrument in ((life.accounts[1], BTC), (life.accounts[3], ETH)):
        fill = life.pooled(account, instrument, life.size_for(account, instrument, 30))
        assert life.clear("open", fill)
    return life


def deposit(life: Life, account: int, tokens: int = 1) -> None:
    owner = words.owner_of(account)
    life.system.both("core", "deposit", account, COLLATERAL, tokens, sender=owner)


def poke(life: Life) -> None:
    life.system.both("core", "poke", BTC, sender=life.system.keeper)


def reduce(life: Life) -> None:
    account = life.accounts[1]
    life.clear("reduce", life.pooled(account, BTC, -life.held(account, BTC)))


def order(life: Life) -> Order:
    """A reduce-only order, placed."""
    account = life.accounts[1]
    order = Order(
        account=account,
        instrument=BTC,
        size=-life.held(account, BTC) // 2,
        limit=0,
        reduce_only=True,
        expiry=NEVER,
        keeper_fee=MIN_KEEPER_FEE,
        nonce=7,
    )
    assert order.limit < MAX_LIMIT
    life.system.must("exchange", "place", order, sender=words.owner_of(account))
    life.refresh()
    return order


def inv_01(life: Life) -> None:
    life.system.donations += 1
    poke(life)


def inv_02(life: Life) -> None:
    life.system.donations += UNIT  # claims are one unit more than what is held
    life.laws.inv_02()


def inv_03(life: Life) -> None:
    life.system.sums.traders[BTC, True] += 1
    poke(life)


def inv_04(life: Life) -> None:
    pool = ("cash_word", (words.pool(life.system.vault_at, 1), COLLATERAL))
    life.system.sums.words[pool] += 5 << 128
    life.laws.inv_04()


def inv_05(life: Life) -> None:
    life.system.sums.charged[BTC] += 1
    poke(life)


def inv_06(life: Life) -> None:
    life.laws.purses[life.accounts[1]] += 1
    reduce(life)


def inv_07(life: Life) -> None:
    life.laws.look()
    life.laws.seen = life.laws.seen._replace(equity=life.laws.seen.equity + 10**6 * WAD)
    reduce(life)


def inv_08(life: Life) -> None:
    account = life.accounts[1]
    life.laws.health = lambda _: Health(WAD, 2 * WAD, WAD, WAD)
    sender = words.owner_of(account)
    life.system.both("core", "transfer", account, account ^ 1, COLLATERAL, 1, sender=sender)


def inv_09(life: Life) -> None:
    life.laws.named = lambda _: []
    deposit(life, life.accounts[1])


def inv_10(life: Life) -> None:
    account = life.accounts[1]
    for _ in range(4):
        life.move(1, -99_000)
    life.system.wait(1)
    life.laws.health = lambda _: Health(2 * WAD, WAD, WAD, WAD)
    args = ([account], [BTC], life.keeper)
    life.system.must("slicer", "liquidate", *args, sender=life.system.keeper)


def inv_11(life: Life) -> None:
    life.laws.quoted_fill = lambda *args: life.pooled(*args)._replace(fee=2**119)
    life.laws.inv_11(life.accounts[1])


def inv_14(life: Life) -> None:
    life.laws.look()
    life.laws.seen = life.laws.seen._replace(equity=life.laws.seen.equity + 10)
    poke(life)


def inv_16(life: Life) -> None:
    now = life.system.host.now
    life.laws.outflow.append((now, 10**12 * WAD, 0))
    account = life.accounts[1]
    for _ in range(2):
        life.move(1, 60_000)
    life.system.wait(1)
    reduce(life)
    purse = life.core.cash[account, COLLATERAL]
    assert purse.cash > purse.principal + UNIT
    tokens, owner = purse.principal // UNIT + 1, words.owner_of(account)
    life.system.must("core", "withdraw", account, COLLATERAL, tokens, owner, sender=owner)


def inv_17(life: Life) -> None:
    life.laws.accrued[BTC] = life.system.host.now + 1
    poke(life)


def inv_18(life: Life) -> None:
    feed = life.system.oracle.feeds[1]
    life.laws.slots[1, feed.slot] += 1
    life.system.push(1, feed.slot, feed.price, feed.slot * 4)


def inv_20(life: Life) -> None:
    placed = order(life)
    digest = life.system.order_hash(placed)
    life.laws.public[digest] = life.system.host.now
    life.system.must("exchange", "execute", placed, life.keeper, sender=life.system.keeper)


def inv_21(life: Life) -> None:
    risk, trade, limits = life.system.world.terms[BTC]
    life.system.world.terms[BTC] = (risk, words.Trade(), limits)
    try:
        poke(life)
    finally:
        life.system.world.terms[BTC] = (risk, trade, limits)


BREAKS = (
    inv_01, inv_02, inv_03, inv_04, inv_05, inv_06, inv_07, inv_08, inv_09, inv_10, inv_11,
    inv_14, inv_16, inv_17, inv_18, inv_20, inv_21,
)  # fmt: skip


@pytest.mark.parametrize("spoil", BREAKS, ids=lambda spoil: spoil.__name__)
def test_it_is_said_by_its_number(life: Life, spoil: Callable[[Life], None]) -> None:
    with pytest.raises(Broken, match="INV-" + spoil.__name__[4:]):
        spoil(life)


def test_the_same_calls_pass_when_nothing_is_spoilt(life: Life) -> None:
    deposit(life, life.accounts[1])
    placed = order(life)
    life.system.must("exchange", "execute", placed, life.keeper, sender=life.system.keeper)
    poke(life)
    life.laws.inv_02()
    life.laws.inv_04()
    assert life.laws.inv_11(life.accounts[3]) == "left"
    reduce(life)
    life.act("withdraw", 0)
