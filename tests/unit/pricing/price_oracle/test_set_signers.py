import pytest
from eth_account import Account

from tidegate.client.price_message import PriceSigner
from tidegate.spec.rounding import WAD

PRICE = 100 * WAD


def local_signers(domain, count):
    keys = [Account.from_key((100 + key).to_bytes(32, "big")) for key in range(count)]
    keys.sort(key=lambda key: int(key.address, 16))
    return [PriceSigner(key, domain) for key in keys]


def addresses(signers):
    return [signer.account.address for signer in signers]


def set_signers(feed, signers, threshold, faulty, sender=None):
    return feed.oracle.transact(
        "set_signers", signers, threshold, faulty, sender=sender or feed.owner
    )


def test_replaces_the_signers(feed, refuses):
    new = addresses(feed.signers[1:6])
    event = set_signers(feed, new, 4, 2).one("SignersSet").args
    assert (list(event.signers), event.threshold, event.faulty) == (new, 4, 2)
    assert feed.oracle.call("signers") == (new, 4, 2)
    message = feed.message()
    refuses("BadSignature", feed.send, message, feed.signatures(message, feed.signers[:4]))
    refuses("BadSignature", feed.send, message, feed.signatures(message, feed.signers[1:4]))
    feed.send(message, feed.signatures(message, feed.signers[2:6]))
    assert feed.slot_price(message.slot) == (PRICE, 0)


def test_lowers_the_threshold_of_a_signer_who_stays(feed):
    set_signers(feed, addresses(feed.signers[:1]), 1, 0)
    message = feed.message()
    feed.send(message, feed.signatures(message, feed.signers[:1]))
    assert feed.slot_price(message.slot) == (PRICE, 0)


def test_sixteen_signers_of_whom_all_must_sign(feed, refuses):
    sixteen = local_signers(feed.domain, 16)
    set_signers(feed, addresses(sixteen), 16, 15)
    assert feed.oracle.call("signers") == (addresses(sixteen), 16, 15)
    message = feed.message()
    refuses("BadSignature", feed.send, message, feed.signatures(message, sixteen[:15]))
    feed.send(message, feed.signatures(message, sixteen))
    assert feed.slot_price(message.slot) == (PRICE, 0)


@pytest.mark.parametrize("count", [1, 2, 3, 15])
def test_whoever_is_no_signer_any_more_cannot_sign(feed, refuses, count):
    sixteen = local_signers(feed.domain, 16)
    set_signers(feed, addresses(sixteen), 16, 15)
    set_signers(feed, addresses(sixteen[:1]), 1, 0)
    message = feed.message()
    for former in sixteen[1:]:
        refuses("BadSignature", feed.send, message, feed.signatures(message, [former]))
    set_signers(feed, addresses(sixteen[:count]), count, 0)
    refuses("BadSignature", feed.send, message, feed.signatures(message, sixteen[1 : count + 1]))
    feed.send(message, feed.signatures(message, sixteen[:count]))
    assert feed.slot_price(message.slot) == (PRICE, 0)


@pytest.mark.parametrize(
    ("threshold", "faulty"), [(2, 0), (3, 2), (5, 0), (4, 4), (0, 0), (3, 2**256 - 3), (2**255, 1)]
)
def test_refuses_quorums_that_may_not_meet(feed, refuses, threshold, faulty):
    refuses("OutOfBounds", set_signers, feed, addresses(feed.signers[:4]), threshold, faulty)
    assert feed.oracle.call("signers") == (addresses(feed.signers[:4]), 3, 1)


def test_refuses_no_signers(feed, refuses):
    refuses("OutOfBounds", set_signers, feed, [], 0, 0)


def test_refuses_one_signer_twice(feed, refuses):
    first, second = addresses(feed.signers[:2])
    refuses("OutOfBounds", set_signers, feed, [first, second, second], 2, 0)


def test_refuses_signers_out_of_order(feed, refuses):
    first, second, third = addresses(feed.signers[:3])
    refuses("OutOfBounds", set_signers, feed, [second, first, third], 2, 0)
    refuses("OutOfBounds", set_signers, feed, [first, third, second], 2, 0)


def test_refuses_the_zero_address(feed, refuses):
    nobody = "0x" + "00" * 20
    refuses("OutOfBounds", set_signers, feed, [nobody, *addresses(feed.signers[:2])], 2, 0)


def test_is_for_the_owner(feed, refuses, attacker):
    refuses("NotOwner", set_signers, feed, [attacker], 1, 0, attacker)
