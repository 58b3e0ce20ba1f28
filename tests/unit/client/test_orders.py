"""Orders in the client; that their hash is the contract's is tested with the exchange."""

from dataclasses import asdict, astuple

import pytest

from tidegate.client.orders import Domain, Order, OrderState, OrderWord

ORDER = Order(account=5 << 96 | 1, instrument=128, size=10**18, limit=100, nonce=256 * 3 + 7)
DOMAIN = Domain(31337, "0x" + "11" * 20)


def test_comes_from_a_struct_or_a_mapping():
    assert Order.of(astuple(ORDER)) == ORDER
    assert Order.of(asdict(ORDER)) == ORDER


def test_names_its_word_and_its_feed():
    assert (ORDER.place, ORDER.feed) == (7, 2)


@pytest.mark.parametrize(
    ("size", "price", "met"),
    [(1, 100, True), (1, 101, False), (-1, 100, True), (-1, 99, False)],
)
def test_a_limit_is_met_from_its_own_side(size, price, met):
    assert Order(account=1, instrument=64, size=size, limit=100).met_by(price) == met


def test_the_hash_depends_on_chain_and_contract():
    here = DOMAIN.hash(ORDER)
    assert here == Domain(31337, "0x" + "11" * 20).hash(ORDER)
    assert here != Domain(1, "0x" + "11" * 20).hash(ORDER)
    assert here != Domain(31337, "0x" + "12" * 20).hash(ORDER)


def test_typed_data_has_every_field():
    data = DOMAIN.typed_data(ORDER)
    assert [member["name"] for member in data["types"]["Order"]] == list(data["message"])
    assert tuple(data["message"].values()) == astuple(ORDER)


def test_a_word_is_taken_apart():
    digest = bytes(range(32))
    high = int.from_bytes(digest, "big") >> 96
    word = OrderWord.of(high << 96 | 25_000_001 << 40 | 425_000_000 << 8 | 1)
    assert word == OrderWord(OrderState.RESTING, 425_000_000, 25_000_001 * 10**12, high)
    assert word.is_of(digest)
    assert not word.is_of(digest[::-1])


def test_a_word_with_an_unknown_state_is_refused():
    with pytest.raises(ValueError, match="4 is not a valid OrderState"):
        OrderWord.of(4)
