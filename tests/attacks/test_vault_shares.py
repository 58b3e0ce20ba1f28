"""Shares bought or sold around what the attacker knows or does: nothing is gained by it."""

import pytest

from tests.attacks.conftest import close, trade, wealth
from tests.harness.reverts import reverts
from tests.harness.system import BTC, FOREVER, MOVE_RIGHT, System, wad
from tidegate.spec import words
from tidegate.spec.rounding import WAD

RAY = 10**27


def ask(system: System, owner: str, amount: int) -> int:
    """A deposit of 1e-18 units that waits for its epoch; the account."""
    account = system.fund(owner, str(amount // 10**12 / 10**6 + 1))
    system.core.transact("set_delegate", system.vault.address, MOVE_RIGHT, FOREVER, sender=owner)
    system.vault.transact("request_deposit", account, amount, 0, FOREVER, sender=owner)
    return account


def leave(system: System, owner: str, shares: int | None = None) -> None:
    """Shares back, all or some, processed and claimed."""
    shares = system.vault.call("balanceOf", owner) if shares is None else shares
    account = system.account(owner)
    system.vault.transact("request_redeem", account, shares, 0, FOREVER, sender=owner)
    system.process_epoch()
    if system.vault.call("request_word", account) != 1:
        system.vault.transact("claim", account, sender=owner)


def worth(system: System, owner: str) -> int:
    """Of its shares, 1e-18."""
    return system.vault.call("balanceOf", owner) * system.vault.call("share_price") // RAY


@pytest.mark.parametrize("gift", [1_000, 100_000, 10_000_000])
@pytest.mark.parametrize("kept", [1, 10**6, 10**9])
def test_the_first_depositor_cannot_inflate_a_share(
    system: System, attacker: str, liquidity_provider: str, gift: int, kept: int
):
    """A few units of share, then a gift to the treasury before the next deposit is priced."""
    system.provide(attacker, 10)
    leave(system, attacker, system.vault.call("balanceOf", attacker) - kept)
    ask(system, liquidity_provider, wad(1_000))
    donor = system.fund(attacker, gift, sub=7)
    before = wealth(system, attacker, system.account(attacker), donor)
    treasury = words.treasury(system.vault.address)
    system.core.transact("transfer", donor, treasury, 0, wad(gift), sender=attacker)
    system.process_epoch()
    system.vault.transact("claim", system.account(liquidity_provider))
    lost = wad(1_000) - worth(system, liquidity_provider)
    paid = before - wealth(system, attacker, system.account(attacker), donor)
    # less than a hundred-thousandth of what it costs, and none of it is the attacker's gain
    assert paid > 0
    assert lost <= paid // 10**5


@pytest.mark.parametrize("sent", [1, 10**6, 10**13])
def test_tokens_sent_past_the_ledger_change_no_price(funded: System, attacker: str, sent: int):
    vault, price = funded.vault, funded.vault.call("share_price")
    total = vault.call("totalAssets")
    for target in (funded.core.address, vault.address):
        funded.token.transact("mint", attacker, sent, sender=attacker)
        funded.token.transact("transfer", target, sent, sender=attacker)
    assert vault.call("share_price") == price
    assert vault.call("totalAssets") == total
    # nor does money in the accounts of what waits and what is set aside
    for sub in (1, 2, 3):
        account = words.account(int(vault), sub)
        funded.mint(attacker, str(sent / 10**6))
        funded.core.transact("deposit", account, 0, sent, sender=attacker)
    assert vault.call("share_price") == price
    assert vault.call("totalAssets") == total


def test_shares_given_to_the_vault_would_be_somebodys_request(
    funded: System, attacker: str, liquidity_provider: str
):
    vault = funded.vault
    for amount in (0, 1, wad(1)):
        with reverts("NotPermitted"):
            vault.transact("transfer", vault.address, amount, sender=liquidity_provider)
    vault.transact("approve", attacker, 2**256 - 1, sender=liquidity_provider)
    with reverts("NotPermitted"):
        vault.transact("transferFrom", liquidity_provider, vault.address, 1, sender=attacker)


@pytest.mark.parametrize("move", [58_000, 62_000])
@pytest.mark.parametrize("into", [True, False])
def test_a_known_move_is_worth_nothing_to_a_request(
    funded: System,
    attacker: str,
    liquidity_provider: str,
    trader: str,
    move: int,
    into: bool,
):
    """The attacker knows the next price before everybody, and that the vault is short.

    It asks just before, for what the move would make cheap or dear; its epoch is priced after the
    move. Then it goes back, at the new price.
    """
    funded.provide(attacker, 5_000_000)
    trade(funded, funded.fund(trader, 3_000_000), 100)
    account = funded.account(attacker)
    if into:
        ask(funded, attacker, wad(5_000_000))
    else:
        shares = funded.vault.call("balanceOf", attacker)
        funded.vault.transact("request_redeem", account, shares, 0, FOREVER, sender=attacker)
    funded.move(BTC, move)
    start = wealth(funded, attacker, account) + wad(5_000_000 if into else 0)
    if not into:
        start += shares * funded.vault.call("share_price") // RAY
    honest = wealth(funded, liquidity_provider)
    funded.process_epoch()
    funded.vault.transact("claim", account, sender=attacker)
    # funding of the waiting hour aside, nobody gains or loses by it
    hour = wad(2_500)
    assert wealth(funded, attacker, account) <= start + hour
    assert wealth(funded, liquidity_provider) >= honest - hour


def test_the_last_leaves_and_another_comes(
    funded: System, liquidity_provider: str, attacker: str, trader: str, counterparty: str
):
    """What rounding and late fees leave goes to whoever comes next; nobody's share is cheap."""
    account = funded.fund(trader, 1_000_000)
    trade(funded, account, 20)
    close(funded, account)
    vault = funded.vault
    # in four accounts and a part: rounding leaves units of share to nobody
    shares = vault.call("balanceOf", liquidity_provider)
    for sub in range(4):
        args = (funded.account(liquidity_provider, sub), shares // 4, 0, FOREVER)
        vault.transact("request_redeem", *args, sender=liquidity_provider)
    rest = (funded.account(liquidity_provider, 4), shares - shares // 4 * 4, 0, FOREVER)
    if rest[1]:
        vault.transact("request_redeem", *rest, sender=liquidity_provider)
    funded.process_epoch()
    assert vault.call("totalSupply") < 10**6
    left = vault.call("equity")
    assert 0 <= left < 10**9
    assert vault.call("share_price") == RAY
    # late: somebody gives while there is no share
    funded.core.transact(
        "transfer",
        funded.fund(attacker, 100),
        words.treasury(vault.address),
        0,
        wad(100),
        sender=attacker,
    )
    ask(funded, counterparty, wad(1_000))
    funded.process_epoch()
    vault.transact("claim", funded.account(counterparty))
    assert wad(1_100) - 10**9 <= worth(funded, counterparty) <= wad(1_100) + left
    assert wealth(funded, attacker, funded.account(attacker)) <= WAD


def test_a_few_units_of_share_do_not_own_what_comes_later(
    system: System, attacker: str, counterparty: str
):
    """The attacker keeps less than a millionth of a millionth of a share and waits for gifts."""
    system.provide(attacker, 10)
    leave(system, attacker, system.vault.call("balanceOf", attacker) - (10**6 - 1))
    donor = system.fund(attacker, 1_000, sub=7)
    treasury = words.treasury(system.vault.address)
    system.core.transact("transfer", donor, treasury, 0, wad(1_000), sender=attacker)
    assert system.vault.call("share_price") == RAY
    ask(system, counterparty, wad(50))
    system.process_epoch()
    system.vault.transact("claim", system.account(counterparty))
    assert system.vault.call("balanceOf", counterparty) >= wad(50) - 1
    assert worth(system, attacker) < 10**9
    assert worth(system, counterparty) > wad(1_049)
