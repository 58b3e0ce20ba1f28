"""What exchange, liquidator and vault refuse: malformed orders, replays, reorderings, wrong ids.

Each row is a call and the error's name. A refusal moves not a word of any contract.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.harness.storage import refused
from tests.harness.system import BTC, FOREVER, MOVE_RIGHT, System, wad
from tidegate.chain import Receipt
from tidegate.client.errors import selector
from tidegate.client.orders import Order
from tidegate.spec import words
from tidegate.spec.rounding import WAD

MAX = 2**256 - 1
LEAST, MOST = -(2**255), 2**255 - 1
FEE = WAD // 2  # the least keeper fee


@pytest.fixture
def account(funded: System, trader: str) -> int:
    return funded.fund(trader, 50_000)


# Orders that mean nothing

FIELDS = [
    ({"size": 0}, "BadOrder"),
    ({"size": 2**96}, "BadOrder"),
    ({"size": -(2**96)}, "BadOrder"),
    ({"size": MOST}, "BadOrder"),
    ({"size": LEAST}, "BadOrder"),
    ({"limit": 0}, "BadOrder"),
    ({"limit": 2**96}, "BadOrder"),
    ({"limit": MAX}, "BadOrder"),
    ({"keeper_fee": 0}, "BadOrder"),
    ({"keeper_fee": FEE - 1}, "BadOrder"),
    ({"keeper_fee": 100 * FEE + 1}, "BadOrder"),
    ({"keeper_fee": MAX}, "BadOrder"),
    ({"trigger": 1}, "BadOrder"),
    ({"trigger": MAX}, "BadOrder"),
    ({"trigger_price": 1}, "BadOrder"),
    ({"trail": 1}, "BadOrder"),
    ({"slot": 1}, "BadOrder"),
    ({"group": 1}, "BadOrder"),
    ({"expiry": 0}, "TooLate"),
    ({"expiry": 1}, "TooLate"),
    ({"instrument": 0}, "NotListed"),
    ({"instrument": 1}, "NotListed"),
    ({"instrument": 65}, "NotListed"),
    ({"instrument": MAX}, "NotListed"),
    ({"account": 0}, "NotPermitted"),
    ({"account": MAX}, "NotPermitted"),
    ({"size": 2**96 - 1}, "AmountTooLarge"),
    ({"size": 60 * WAD}, "FeeTooHigh"),
]


@pytest.mark.parametrize(("fields", "error"), FIELDS)
def test_a_malformed_order_is_refused_by_name(
    funded: System, account: int, trader: str, fields: dict, error: str
):
    order = replace(funded.order(account, BTC, 1), **fields)
    refused(funded.chain, error, lambda: funded.place(order, sender=trader))


@pytest.mark.parametrize("name", ["pool", "treasury", "insurance", "deficits", "escrow"])
def test_nobody_places_for_an_account_of_the_system(funded: System, trader: str, name: str):
    deployment = funded.deployment
    account = deployment.pool(BTC) if name == "pool" else getattr(deployment, name)
    order = funded.order(account, BTC, 1)
    refused(funded.chain, "NotPermitted", lambda: funded.place(order, sender=trader))


def test_an_account_in_the_form_of_a_pool_never_trades(funded: System, trader: str):
    """Its owner may fund it and take the money back; the order ends without a fill."""
    shaped = words.pool(int(trader, 16), 1)
    funded.mint(trader, 10_000)
    funded.core.transact("deposit", shaped, 0, 10_000 * 10**6, sender=trader)
    order = funded.order(shaped, BTC, 1)
    funded.place(order)
    keeper = funded.actor("keeper")
    funded.next_slot()
    funded.refresh()
    execute = ("execute", order, funded.account(keeper))
    refused(funded.chain, "BadFill", lambda: funded.exchange.transact(*execute, sender=keeper))
    assert funded.size(shaped, BTC) == 0


# Replays and reorderings

Step = Callable[[System, Order], Receipt]


def place(system: System, order: Order) -> Receipt:
    return system.place(order)


def cancel(system: System, order: Order) -> Receipt:
    owner = f"0x{order.account >> 96:040x}"
    return system.exchange.transact("cancel", order, sender=owner)


def execute(system: System, order: Order) -> Receipt:
    keeper = system.actor("keeper")
    return system.exchange.transact("execute", order, system.account(keeper), sender=keeper)


def wake(system: System, order: Order) -> Receipt:
    return system.exchange.transact("wake", order, system.slot)


def tick(system: System, order: Order) -> None:
    system.next_slot()
    system.refresh()


SEQUENCES = [
    ([], execute, "UnknownOrder"),
    ([], cancel, "UnknownOrder"),
    ([], wake, "UnknownOrder"),
    ([place], place, "OrderExists"),
    ([place], execute, "TooSoon"),
    ([place], wake, "UnknownOrder"),
    ([place, cancel], cancel, "UnknownOrder"),
    ([place, cancel], execute, "UnknownOrder"),
    ([place, cancel], place, "OrderExists"),
    ([place, tick, execute], execute, "UnknownOrder"),
    ([place, tick, execute], cancel, "UnknownOrder"),
    ([place, tick, execute], place, "OrderExists"),
    ([place, tick, cancel], execute, "UnknownOrder"),
    ([place, tick, cancel], place, "OrderExists"),
]


@pytest.mark.parametrize(("steps", "last", "error"), SEQUENCES)
def test_a_step_out_of_turn_is_refused_by_name(
    funded: System, account: int, steps: list[Step], last: Step, error: str
):
    order = funded.order(account, BTC, 1)
    for step in steps:
        step(funded, order)
    refused(funded.chain, error, lambda: last(funded, order))


CHANGES = {
    **{"instrument": BTC + 64, "size": 2 * WAD, "limit": 1, "resting": True, "reduce_only": True},
    **{"expiry": FOREVER, "keeper_fee": WAD, "nonce": 256, "trigger": 1, "trigger_price": 1},
    **{"trail": 1, "slot": 1, "group": 1},
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("step", [execute, cancel, wake])
def test_an_order_with_one_field_changed_is_unknown(
    funded: System, account: int, field: str, step: Step
):
    order = funded.order(account, BTC, 1)
    funded.place(order)
    tick(funded, order)
    other = replace(order, **{field: CHANGES[field]})
    refused(funded.chain, "UnknownOrder", lambda: step(funded, other))


def test_the_same_order_of_another_account_is_another(funded: System, account: int, attacker: str):
    order = funded.order(account, BTC, 1)
    funded.place(order)
    tick(funded, order)
    theirs = replace(order, account=funded.fund(attacker, 50_000))
    refused(funded.chain, "UnknownOrder", lambda: execute(funded, theirs))


def test_a_batch_with_one_order_sixteen_times_fills_it_once(funded: System, account: int, laws):
    order = funded.order(account, BTC, 1)
    funded.place(order)
    tick(funded, order)
    keeper = funded.actor("keeper")
    paid_to = funded.account(keeper)
    before = funded.cash(paid_to)
    done = funded.exchange.transact("execute_many", [order] * 16, paid_to, sender=keeper)
    assert done.returned == [b"\0\0\0\0"] + [selector("UnknownOrder")] * 15
    assert funded.size(account, BTC) == WAD
    assert funded.cash(paid_to) - before == FEE
    laws(account, paid_to, funded.account(funded.actor("liquidity provider")))


def test_orders_of_one_slot_end_the_same_in_any_order(funded: System, trader: str):
    """Buy and sell of two accounts: what each holds does not depend on who came first."""
    accounts = [funded.fund(trader, 50_000, sub) for sub in (1, 2)]
    orders = [
        funded.order(account, BTC, size) for account, size in zip(accounts, (1, -1), strict=True)
    ]
    for order in orders:
        funded.place(order)
    tick(funded, orders[0])
    ends = []
    for turn in (orders, orders[::-1]):
        checkpoint = funded.chain.snapshot()
        for order in turn:
            execute(funded, order)
        ends.append([funded.size(account, BTC) for account in accounts])
        pool = funded.cash(funded.deployment.pool(BTC)) + sum(map(funded.cash, accounts))
        ends[-1].append(pool)
        funded.chain.restore(checkpoint)
    assert ends[0] == ends[1]


# The liquidator

SLICES = [
    (([], []), "OutOfBounds"),
    ((["own"], []), "OutOfBounds"),
    (([], [BTC]), "OutOfBounds"),
    ((["own"], [BTC]), "NotLiquidatable"),
    ((["own"], [0]), "NotLiquidatable"),
    ((["own"], [MAX]), "NotLiquidatable"),
    (([0], [BTC]), "NotLiquidatable"),
    (([MAX], [BTC]), "NotLiquidatable"),
    ((["treasury"], [BTC]), "NotLiquidatable"),
    ((["insurance"], [BTC]), "NotLiquidatable"),
    ((["deficits"], [BTC]), "NotLiquidatable"),
    ((["escrow"], [BTC]), "NotLiquidatable"),
    ((["own", "own", "own"], [BTC, 0, MAX]), "NotLiquidatable"),
]


def named(system: System, account: int) -> dict[str, int]:
    deployment = system.deployment
    return {
        "own": account,
        "pool": deployment.pool(BTC),
        "treasury": deployment.treasury,
        "insurance": deployment.insurance,
        "deficits": deployment.deficits,
        "escrow": deployment.escrow,
    }


@pytest.mark.parametrize(("lists", "error"), SLICES)
def test_a_slice_of_nothing_is_refused_by_name(
    funded: System, account: int, keeper: str, lists, error: str
):
    funded.trade(account, BTC, 1)
    accounts = [named(funded, account).get(item, item) for item in lists[0]]
    call = ("liquidate", accounts, lists[1], funded.account(keeper))
    refused(funded.chain, error, lambda: funded.liquidator.transact(*call, sender=keeper))


def test_a_pool_under_water_is_not_sliced(funded: System, account: int, keeper: str):
    """It owes what its trades cost and is never judged: the treasury stands for it."""
    funded.trade(account, BTC, -5)
    pool = funded.deployment.pool(BTC)
    equity, *_ = funded.health(pool)
    assert equity < 0
    call = ("liquidate", [pool], [BTC], funded.account(keeper))
    refused(
        funded.chain, "NotLiquidatable", lambda: funded.liquidator.transact(*call, sender=keeper)
    )


@pytest.mark.parametrize(
    "name", ["own", "pool", "treasury", "insurance", "deficits", "escrow", "zero", "last"]
)
def test_no_deficit_is_booked_where_there_is_none(funded: System, account: int, name: str):
    target = {**named(funded, account), "zero": 0, "last": MAX}[name]
    refused(funded.chain, "NoDeficit", lambda: funded.liquidator.transact("book", target))


# The vault

REQUESTS = [
    ("request_deposit", ("own", 0, 0, FOREVER), "ZeroAmount"),
    ("request_deposit", ("own", 2**96, 0, FOREVER), "InsufficientCash"),
    ("request_deposit", ("own", 2**120, 0, FOREVER), "AmountTooLarge"),
    ("request_deposit", ("own", MAX, 0, FOREVER), "AmountTooLarge"),
    ("request_deposit", ("own", 50_001 * WAD, 0, FOREVER), "InsufficientCash"),
    ("request_deposit", ("own", WAD, 2**96, FOREVER), "AmountTooLarge"),
    ("request_deposit", ("own", WAD, MAX, FOREVER), "AmountTooLarge"),
    ("request_deposit", ("own", WAD, 0, 0), "TooLate"),
    ("request_deposit", ("own", WAD, 0, 1), "TooLate"),
    ("request_deposit", ("treasury", WAD, 0, FOREVER), "NotPermitted"),
    ("request_deposit", ("pool", WAD, 0, FOREVER), "NotPermitted"),
    ("request_deposit", (0, WAD, 0, FOREVER), "NotPermitted"),
    ("request_deposit", (MAX, WAD, 0, FOREVER), "NotPermitted"),
    ("request_redeem", ("own", 0, 0, FOREVER), "ZeroAmount"),
    ("request_redeem", ("own", 1, 0, FOREVER), "InsufficientShares"),
    ("request_redeem", ("own", MAX, 0, FOREVER), "InsufficientShares"),
    ("request_redeem", ("treasury", 1, 0, FOREVER), "NotPermitted"),
    ("claim", ("own",), "NoRequest"),
    ("claim", ("treasury",), "NoRequest"),
    ("claim", (0,), "NoRequest"),
    ("claim", (MAX,), "NoRequest"),
    ("claim_part", ("own", 0), "ZeroAmount"),
    ("claim_part", ("own", MAX), "NoRequest"),
    ("process_epoch", (0,), "NoRequest"),
    ("process_epoch", (2**64,), "TooSoon"),
    ("set_quote", (BTC, 0), "NotOwner"),
    ("set_quote", (MAX, MAX), "NotOwner"),
    ("transfer", ("attacker", 1), "InsufficientShares"),
    ("transfer", ("attacker", MAX), "InsufficientShares"),
    ("transfer", ("nobody", 0), "NotPermitted"),
    ("transfer", ("vault", 0), "NotPermitted"),
    ("transferFrom", ("provider", "attacker", 1), "NotPermitted"),
    ("transferFrom", ("provider", "attacker", MAX), "NotPermitted"),
]


@pytest.mark.parametrize(("fn", "args", "error"), REQUESTS)
def test_a_malformed_request_is_refused_by_name(
    funded: System, account: int, trader: str, fn: str, args: tuple, error: str
):
    grant = ("set_delegate", funded.vault.address, MOVE_RIGHT, FOREVER)
    funded.core.transact(*grant, sender=trader)
    known = {
        **named(funded, account),
        "attacker": funded.actor("attacker"),
        "provider": funded.actor("liquidity provider"),
        "vault": funded.vault.address,
        "nobody": "0x" + "00" * 20,
    }
    values = [known.get(value, value) if isinstance(value, str) else value for value in args]
    refused(funded.chain, error, lambda: funded.vault.transact(fn, *values, sender=trader))


def test_requests_out_of_turn_are_refused_by_name(funded: System, account: int, trader: str):
    vault, chain = funded.vault, funded.chain
    grant = ("set_delegate", vault.address, MOVE_RIGHT, FOREVER)
    funded.core.transact(*grant, sender=trader)
    ask = ("request_deposit", account, wad(1_000), 0, FOREVER)
    vault.transact(*ask, sender=trader)
    epoch = funded.now // funded.config.epoch_seconds
    refused(chain, "RequestPending", lambda: vault.transact(*ask, sender=trader))
    refused(chain, "NotProcessed", lambda: vault.transact("claim", account, sender=trader))
    refused(chain, "TooSoon", lambda: vault.transact("process_epoch", epoch))
    funded.process_epoch()
    refused(chain, "NoRequest", lambda: vault.transact("process_epoch", epoch))
    refused(chain, "RequestPending", lambda: vault.transact(*ask, sender=trader))
    vault.transact("claim", account, sender=trader)
    refused(chain, "NoRequest", lambda: vault.transact("claim", account, sender=trader))
