"""The one word that an order is stored as."""

from tidegate.client.orders import OrderState, OrderWord
from tidegate.spec.rounding import WAD

MIN_KEEPER_FEE = WAD


def test_is_drawn_as_the_interface_says(market):
    slot = market.next_slot
    order = market.place(nonce=256 + 7)
    word = market.exchange.call("order_word", market.account, 7)
    assert word & 255 == 2
    assert word >> 8 & (2**32 - 1) == slot
    assert word >> 40 & (2**56 - 1) == 26_000_000  # 0.05 % of 50,000 and 1, in 1e-6
    assert word >> 96 == int.from_bytes(market.hash(order), "big") >> 96


def test_unpacks_in_the_client(market):
    slot = market.next_slot
    order = market.place(resting=True)
    word = OrderWord.of(market.exchange.call("order_word", market.account, order.place))
    stake = market.lapse_fee() + MIN_KEEPER_FEE
    assert (word.state, word.slot, word.stake) == (OrderState.RESTING, slot, stake)
    assert word.is_open
    assert word.is_of(market.hash(order))
    assert not word.is_of(bytes(32))


def test_is_zero_before_any_order(market):
    assert market.exchange.call("order_word", market.account, 9) == 0
    assert not OrderWord.of(0).is_open


def test_stays_used_after_its_order(market):
    order = market.place()
    slot = market.word(order).slot
    market.cancel(order)
    word = market.word(order)
    stake = market.lapse_fee() + MIN_KEEPER_FEE
    assert (word.state, word.slot, word.stake) == (OrderState.ENDED, slot, stake)
    assert word.is_of(market.hash(order))
    assert not word.is_open
