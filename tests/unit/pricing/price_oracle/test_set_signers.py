import pytest
from eth_account import Account

from tidegate.spec.rounding import WAD

PRICE = 100 * WAD


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


def test_takes_sixteen_in_any_order(feed):
    keys = [Account.from_key(key.to_bytes(32, "big")).address for key in range(50, 66)]
    set_signers(feed, keys, 16, 15)
    assert feed.oracle.call("signers") == (keys, 16, 15)


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
    refuses("OutOfBounds", set_signers, feed, [first, second, first], 2, 0)


def test_refuses_the_zero_address(feed, refuses):
    nobody = "0x" + "00" * 20
    refuses("OutOfBounds", set_signers, feed, [nobody, *addresses(feed.signers[:2])], 2, 0)


def test_is_for_the_owner(feed, refuses, attacker):
    refuses("NotOwner", set_signers, feed, [attacker], 1, 0, attacker)
