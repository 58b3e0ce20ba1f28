"""Gas is the keeper's choice: no amount of it both fails an order and pays for that."""

from tidegate.client.errors import ProtocolError
from tidegate.client.orders import OrderState
from tidegate.spec import words
from tidegate.spec.rounding import WAD

KEEPER_FEE = 2 * WAD
SWEEP = [*range(25_000, 400_000, 500), *range(400_000, 2_000_001, 25_000)]


def outcomes(market, orders, act, kind):
    """What each amount of gas leads to from the same state; what fails must leave no trace."""
    accounts = (market.account, market.keeper_account, market.escrow, market.treasury)

    def state():
        cash = [market.cash(account) for account in accounts]
        return cash, [market.word(order) for order in orders]

    before = state()
    found = []
    for gas in SWEEP:
        snapshot = market.chain.snapshot()
        refusal = ""
        try:
            found.append(kind(act(gas)))
        except ProtocolError as error:
            refusal = error.name
            found.append("nothing")
            assert state() == before
        assert refusal in ("", "OutOfGas", "Unknown") or refusal.startswith("Halt")
        market.chain.restore(snapshot)
    return found


def steps(receipt):
    return len(receipt.named("Executed")), len(receipt.named("Ended"))


def once_enough_always(results):
    """Below some amount nothing happens, from it on always the same."""
    first = next(at for at, result in enumerate(results) if result != "nothing")
    assert 0 < first < len(results) - 100
    assert len(set(results[first:])) == 1
    return results[first]


def test_an_order_that_can_fill_fills_or_stays(market):
    order = market.place()
    market.open(market.next_slot)
    found = outcomes(market, [order], lambda gas: market.execute(order, gas=gas), steps)
    assert once_enough_always(found) == (1, 0)


def test_a_reduce_only_order_too(market):
    market.fill(WAD)
    order = market.place(size=-WAD, reduce_only=True)
    market.open(market.next_slot)
    found = outcomes(market, [order], lambda gas: market.execute(order, gas=gas), steps)
    assert once_enough_always(found) == (1, 0)


def test_an_order_that_must_end_ends_for_its_own_reason_or_stays(market):
    order = market.place(size=4 * WAD)
    market.open(market.next_slot)
    found = outcomes(market, [order], lambda gas: market.execute(order, gas=gas), market.ended)
    assert once_enough_always(found) == ("InsufficientMargin", 100 * WAD)


def test_a_limit_is_not_starved_into_a_lapse(market):
    order = market.place(limit=50_000 * WAD)
    market.open(market.next_slot)
    found = outcomes(market, [order], lambda gas: market.execute(order, gas=gas), market.ended)
    assert once_enough_always(found) == ("LimitBroken", 0)


def test_a_rest_is_not_starved_into_a_lapse(market):
    """Its window has passed; with a quote it would rest again."""
    order = market.place(resting=True, limit=50_000 * WAD)
    slot = market.next_slot
    market.open(slot)
    market.wake(order, slot)
    market.open(slot + 1)
    market.chain.advance(40)

    def rested(receipt):
        return len(receipt.named("Rested")), len(receipt.named("Ended"))

    found = outcomes(market, [order], lambda gas: market.execute(order, gas=gas), rested)
    assert once_enough_always(found) == (1, 0)


def test_a_starved_batch_pays_for_what_it_filled(market):
    count = 3
    accounts = [words.account(market.trader, sub) for sub in range(10, 10 + count)]
    for account in accounts:
        market.deposit(account, 10_000)
    orders = [market.place(account=account) for account in accounts]
    market.open(market.next_slot)
    paid_before = market.cash(market.keeper_account)
    seen = set()
    for gas in range(50_000, 900_000, 1_000):
        snapshot = market.chain.snapshot()
        try:
            receipt = market.execute_many(*orders, gas=gas)
        except ProtocolError:
            pass
        else:
            filled = len(receipt.named("Executed"))
            assert receipt.named("Ended") == []
            assert filled + len(receipt.named("Skipped")) == count
            assert market.cash(market.keeper_account) - paid_before == filled * KEEPER_FEE
            states = [market.word(order).state for order in orders]
            assert states.count(OrderState.ENDED) == filled
            assert states.count(OrderState.WAITING) == count - filled
            seen.add(filled)
        market.chain.restore(snapshot)
    assert count in seen
