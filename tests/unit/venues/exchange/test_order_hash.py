"""EIP-712 over every field; the client's hash is the contract's."""

from dataclasses import fields, replace

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data

from tidegate.artifacts import artifact
from tidegate.client.orders import Domain, Order
from tidegate.spec.rounding import WAD

FULL = Order(
    account=2**255 + 7,
    instrument=64,
    size=-3 * WAD,
    limit=2**90,
    trigger=1,
    trigger_price=2,
    trail=3,
    resting=True,
    reduce_only=False,
    expiry=1_800_000_000,
    slot=4,
    keeper_fee=5,
    nonce=2**200 + 6,
    group=8,
)


def test_equals_the_clients(market):
    assert market.exchange.call("order_hash", FULL) == market.hash(FULL)


def test_is_what_a_wallet_signs(market):
    domain = Domain(market.chain.chain_id, market.exchange.address)
    signable = encode_typed_data(full_message=domain.typed_data(FULL))
    assert market.exchange.call("order_hash", FULL) == bytes(_hash_eip191_message(signable))


@pytest.mark.parametrize("name", [item.name for item in fields(Order)])
def test_covers_every_field(market, name):
    value = getattr(FULL, name)
    other = replace(FULL, **{name: not value if isinstance(value, bool) else value + 1})
    assert market.exchange.call("order_hash", other) == market.hash(other)
    assert market.exchange.call("order_hash", other) != market.exchange.call("order_hash", FULL)


def test_holds_on_one_contract_only(market):
    twin = market.chain.deploy(
        artifact("Exchange"),
        market.core.address,
        market.oracle.address,
        market.vault.address,
        30,
        WAD,
        500,
    )
    assert twin.call("order_hash", FULL) != market.exchange.call("order_hash", FULL)
