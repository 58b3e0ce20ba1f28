from dataclasses import replace

import pytest
from eth_account import Account

from tidegate.client.price_message import Domain, Equivocation, PriceMessage, PriceSigner, quorum

DOMAIN = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
MESSAGE = PriceMessage(1, 425_000_000, 100 * 10**18, 1_700_000_000)


def signer(key: int) -> PriceSigner:
    return PriceSigner(Account.from_key(key.to_bytes(32, "big")), DOMAIN)


def test_a_signature_recovers_its_signer():
    honest = signer(1)
    recovered = Account.recover_message(DOMAIN.signable(MESSAGE), signature=honest.sign(MESSAGE))
    assert recovered == honest.account.address


def test_quorum_is_ascending_by_address():
    signers = [signer(key) for key in (3, 1, 2)]
    signable = DOMAIN.signable(MESSAGE)
    joined = quorum(signers, MESSAGE)
    assert len(joined) == 3 * 65
    addresses = [
        int(Account.recover_message(signable, signature=joined[start : start + 65]), 16)
        for start in (0, 65, 130)
    ]
    assert addresses == sorted(int(one.account.address, 16) for one in signers)


def test_the_same_message_again_is_signed_the_same():
    honest = signer(1)
    assert honest.sign(MESSAGE) == honest.sign(MESSAGE)


@pytest.mark.parametrize("change", [{"price": 1}, {"published": 1_700_000_001}])
def test_no_second_message_for_a_slot(change):
    honest = signer(1)
    honest.sign(MESSAGE)
    with pytest.raises(Equivocation):
        honest.sign(replace(MESSAGE, **change))
    honest.sign(replace(MESSAGE, feed=2, **change))
    honest.sign(replace(MESSAGE, slot=MESSAGE.slot - 127, **change))


def test_a_slot_too_old_to_know_is_not_signed():
    honest = signer(1)
    for slot in range(300):
        honest.sign(replace(MESSAGE, slot=slot))
    assert len(honest.signed[1]) <= 256
    honest.sign(replace(MESSAGE, slot=299 - 127))
    with pytest.raises(Equivocation):
        honest.sign(replace(MESSAGE, slot=299 - 128, price=2))
    with pytest.raises(Equivocation):
        honest.sign(replace(MESSAGE, slot=299 - 127, price=2))
