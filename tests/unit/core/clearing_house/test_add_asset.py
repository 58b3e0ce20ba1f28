"""Assets come through the Configurator."""

from dataclasses import replace

from tests.unit.core.clearing_house.conftest import ASSET, House
from tidegate.local_accounts import local_address


def test_the_words_are_stored_and_logged(house: House):
    word = replace(ASSET, token=int(house.token.address, 16), share=1)
    vault = local_address("vault")
    args = ("add_asset", 3, word.pack(), vault)
    event = house.core.transact(*args, sender=house.configurator).one("AssetAdded").args
    assert (event.asset, event.word, event.vault.lower()) == (3, word.pack(), vault.lower())
    assert house.core.call("asset_word", 3) == word.pack()
    assert house.core.call("vault_of", 3).lower() == vault.lower()


def test_only_the_configurator_adds(house: House, refuses):
    for sender in (local_address("attacker"), house.venue):
        args = ("add_asset", 0, ASSET.pack(), house.vault.address)
        refuses("NotOwner", house.core.transact, *args, sender=sender)


def test_a_second_asset_counts_for_no_margin(house: House, trader: int, refuses):
    """Cash of another asset leaves by its own bucket and carries no position."""
    word = replace(ASSET, token=int(house.token.address, 16))
    args = ("add_asset", 3, word.pack(), house.vault.address)
    house.core.transact(*args, sender=house.configurator)
    owner = local_address("trader")
    house.token.transact("mint", owner, 50 * 10**6)
    house.donated = 50 * 10**18  # asset 3's, as asset 0 sees it
    house.core.transact("deposit", trader, 3, 50 * 10**6, sender=owner)
    assert house.core.call("account_word", trader) == 0b1001
    assert house.health(trader)[0] == 1_000 * 10**18
    refuses("InsufficientMargin", house.trade, trader, 201 * 10**18)
    house.trade(trader, 200 * 10**18)
    house.core.transact("withdraw", trader, 3, 50 * 10**6, owner, sender=owner)
    house.donated = 0
