from dataclasses import replace

import pytest

from tidegate.artifacts import artifact
from tidegate.client.price_message import Domain
from tidegate.spec.rounding import WAD

PRICE = 100 * WAD
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def twin(signature):
    """The other valid signature of the same message by the same key."""
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])


def test_any_quorum_will_do(feed):
    for left_out in range(4):
        signers = [s for i, s in enumerate(feed.signers[:4]) if i != left_out]
        feed.next_slot()
        message = feed.message()
        feed.send(message, feed.signatures(message, signers))
        assert feed.slot_price(message.slot) == (PRICE, 0)


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (2, 1, 0)])
def test_refuses_signers_out_of_order(feed, refuses, order):
    message = feed.message()
    ordered = feed.signatures(message)
    refuses("BadSignature", feed.send, message, [ordered[i] for i in order])


@pytest.mark.parametrize("order", [(0, 0, 1), (0, 1, 1), (2, 2, 2)])
def test_refuses_a_signer_twice(feed, refuses, order):
    message = feed.message()
    ordered = feed.signatures(message)
    refuses("BadSignature", feed.send, message, [ordered[i] for i in order])


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_refuses_another_count_than_the_threshold(feed, refuses, count):
    message = feed.message()
    refuses("BadSignature", feed.send, message, feed.signatures(message, feed.signers[:count]))


def test_refuses_a_stranger(feed, refuses):
    message = feed.message()
    for strange in range(3):
        by = [*feed.signers[:2], feed.signers[4]] if strange < 2 else feed.signers[3:6]
        refuses("BadSignature", feed.send, message, feed.signatures(message, by))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_refuses_a_malleable_s(feed, refuses, place):
    message = feed.message()
    signatures = feed.signatures(message)
    signatures[place] = twin(signatures[place])
    refuses("BadSignature", feed.send, message, signatures)


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_refuses_another_v(feed, refuses, v):
    message = feed.message()
    signatures = feed.signatures(message)
    signatures[1] = signatures[1][:64] + bytes([v])
    refuses("BadSignature", feed.send, message, signatures)


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65)])
def test_refuses_what_is_no_signature(feed, refuses, signature):
    message = feed.message()
    signatures = feed.signatures(message)
    refuses("BadSignature", feed.send, message, [signature, *signatures[1:]])
    refuses("BadSignature", feed.send, message, [*signatures[:2], signature])


@pytest.mark.parametrize(
    "change", [{"feed": 2}, {"slot": 1}, {"price": PRICE + 1}, {"published": 1}]
)
def test_refuses_a_message_with_any_field_changed(feed, refuses, change):
    feed.oracle.transact("set_feed", 2, 60, 10_000, sender=feed.owner)
    feed.chain.advance(1)
    message = feed.message()
    relative = {
        name: getattr(message, name) + 1 for name in change if name in ("slot", "published")
    }
    forged = replace(message, **{**change, **relative})
    refuses("BadSignature", feed.send, forged, feed.signatures(message))


def test_refuses_a_message_of_another_chain(feed, refuses):
    message = feed.message()
    elsewhere = feed.signatures(message, domain=Domain(1, feed.oracle.address))
    refuses("BadSignature", feed.send, message, elsewhere)


def test_refuses_a_message_of_another_oracle(feed, refuses):
    addresses = [signer.account.address for signer in feed.signers[:4]]
    other = feed.chain.deploy(artifact("PriceOracle"), feed.owner, 4, addresses, 3, 1)
    other.transact("set_feed", 1, 60, 10_000, sender=feed.owner)
    message = feed.message()
    elsewhere = feed.signatures(message, domain=Domain(feed.chain.chain_id, other.address))
    refuses("BadSignature", feed.send, message, elsewhere)
    here = feed.oracle
    feed.oracle = other
    feed.send(message, elsewhere)
    assert here.call("slot_price", 1, message.slot) == (0, 0)
    assert other.call("slot_price", 1, message.slot) == (PRICE, 0)


def test_one_who_lies_makes_no_second_quorum(feed, refuses):
    """Two honest signers signed a price; the liar and the rest cannot make another."""
    message = feed.message()
    lie = replace(message, price=2 * PRICE)
    liar = feed.signers[2]
    refuses("BadSignature", feed.send, lie, feed.signatures(lie, [liar, feed.signers[3]]))
    feed.send(message, feed.signatures(message, [*feed.signers[:2], liar]))
    assert feed.slot_price(message.slot) == (PRICE, 0)
