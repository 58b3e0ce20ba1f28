from dataclasses import replace

import pytest

from tests.harness.reverts import reverts
from tests.harness.words import asset
from tidegate.artifacts import artifact

HOUR, DAY = 3600, 86_400

BOUNDS = [
    # field, allowed, one beyond
    ("window", HOUR, HOUR - 1),
    ("window", 30 * DAY, 30 * DAY + 1),
    ("share", 10_000, 9_999),
    ("share", 1_000_000, 1_000_001),
    ("escrow", 1, 0),
    ("escrow", 100_000 * 100, 100_000 * 100 + 1),
]


def test_lists_the_collateral(bare_desk):
    bare_desk.add_asset()
    assert bare_desk.core.call("asset_word", 0) == asset(bare_desk.token.address).pack()
    assert bare_desk.core.call("vault_of", 0) == bare_desk.vault.address


@pytest.mark.parametrize(("name", "allowed", "beyond"), BOUNDS)
def test_keeps_each_bound(bare_desk, name, allowed, beyond):
    word = asset(bare_desk.token.address)
    bare_desk.configurator.call("check_asset", replace(word, **{name: allowed}).pack())
    with reverts("OutOfBounds"):
        bare_desk.configurator.call("check_asset", replace(word, **{name: beyond}).pack())
    with reverts("OutOfBounds"):
        bare_desk.add_asset(**{name: beyond})


def test_refuses_decimals_the_token_does_not_have(bare_desk):
    with reverts("OutOfBounds"):
        bare_desk.add_asset(token_decimals=18)


def test_refuses_a_token_without_code(bare_desk, attacker):
    with reverts("OutOfBounds"):
        bare_desk.add_asset(token=int(attacker, 16))


def test_refuses_unused_bits(bare_desk):
    word = asset(bare_desk.token.address).pack() | 1 << 252
    with reverts("OutOfBounds"):
        bare_desk.configurator.call("check_asset", word)


def test_refuses_a_second_asset_and_a_vault_without_code(bare_desk, attacker):
    word = asset(bare_desk.token.address).pack()
    with reverts("OutOfBounds"):
        bare_desk.do("add_asset", 1, word, bare_desk.vault.address)
    with reverts("OutOfBounds"):
        bare_desk.do("add_asset", 0, word, attacker)


def test_changes_outflow_and_escrow_later(desk):
    desk.add_asset(share=50_000, window=HOUR, escrow=700)
    found = desk.core.call("asset_word", 0)
    expected = replace(asset(desk.token.address), share=50_000, window=HOUR, escrow=700)
    assert found == expected.pack()


def test_never_changes_token_or_vault(desk):
    other = desk.chain.deploy(artifact("FaucetToken"), "Other Dollar", "OUSD", 6)
    with reverts("AlreadySet"):
        desk.add_asset(token=int(other.address, 16))
    word = asset(desk.token.address).pack()
    with reverts("AlreadySet"):
        desk.do("add_asset", 0, word, desk.oracle.address)


def test_answers_to_the_owner_only(bare_desk, attacker):
    for sender in (attacker, bare_desk.guardian):
        with reverts("NotOwner"):
            bare_desk.add_asset(sender=sender)
