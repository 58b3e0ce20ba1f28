"""Tokens that misbehave are refused when they are listed, or do no harm to anybody but their users.

One token of eight kinds, switched on after it was listed and used. Its hook calls every function
of every contract that may change something, enumerated from the ABIs: what a new function does
inside a transfer is tested on the day it is written.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.attacks.conftest import Venue, principal, withdraw
from tests.harness.reverts import reverts
from tests.harness.storage import Words, storage, without
from tests.harness.system import BTC, FOREVER, MOVE_RIGHT, System, wad
from tests.harness.words import asset
from tidegate.abi import signature
from tidegate.artifacts import Artifact, artifact
from tidegate.chain import Contract
from tidegate.client.errors import ProtocolError
from tidegate.deployment import COLLATERAL, TRADING, DeploymentConfig, deploy
from tidegate.revm_chain import RevmChain
from tidegate.spec import words
from tidegate.spec.rounding import WAD

PPM = 10**6
UNIT = 10**12  # 1e-18 in one unit of a token of 6 decimals


def token_artifact() -> Artifact:
    """Without its transfers, whose answers are raw bytes: they are called as any ERC-20's."""
    whole = artifact("HostileToken")
    odd = ("transfer", "transferFrom")
    return replace(whole, entries=[e for e in whole.entries if e.get("name") not in odd])


def deployed() -> System:
    chain = RevmChain()
    token = chain.deploy(token_artifact(), 6)
    config = DeploymentConfig()
    config = replace(config, token=replace(config.token, address=token.address))
    return System(deploy(chain, config), config)


@pytest.fixture(scope="module")
def deployed_system() -> System:
    """An exchange whose collateral will turn hostile."""
    return deployed()


def hostile(system: System) -> Contract:
    return system.chain.contract(token_artifact(), system.token.address)


@pytest.fixture
def token(system: System) -> Contract:
    return hostile(system)


@pytest.fixture
def people(funded: System, trader: str, counterparty: str) -> list[int]:
    """Two accounts with positions, one with cash only."""
    long, short = funded.fund(trader, 100_000), funded.fund(counterparty, 100_000)
    funded.trade(long, BTC, 5)
    funded.trade(short, BTC, -5)
    return [long, short, funded.fund(funded.actor("saver"), 50_000)]


def everyone(system: System, people: list[int]) -> list[int]:
    names = ("liquidity provider", "keeper")
    return [*people, *(system.account(system.actor(name)) for name in names)]


def close(system: System, account: int) -> None:
    if size := system.size(account, BTC):
        order = system.order(account, BTC, -size // WAD, reduce_only=True)
        system.place(order)
        system.execute(order)
    assert system.size(account, BTC) == 0


def leave(system: System, account: int) -> int:
    """Positions closed and the deposit out, in tokens."""
    close(system, account)
    tokens = principal(system, account) // UNIT
    owner = f"0x{account >> 96:040x}"
    system.core.transact("withdraw", account, COLLATERAL, tokens, owner, sender=owner)
    return tokens


def refused(system: System, name: str, call: Callable[[], object]) -> None:
    """Exactly this error, and not a word of any contract moved."""
    before = storage(system.chain)
    with reverts(name):
        call()
    assert storage(system.chain) == before


# One, two: less arrives than was sent, or more is taken than was asked


def test_a_fee_on_the_way_in_is_refused(funded: System, token, people, laws):
    trader = funded.actor("trader")
    units = funded.mint(trader, 1_000)
    deposit = ("deposit", people[0], COLLATERAL, units)
    for fee in (1, 500, PPM):
        token.transact("set_fee", fee)
        refused(funded, "TokenMisbehaved", lambda: funded.core.transact(*deposit, sender=trader))
    laws(*everyone(funded, people))


def test_a_fee_on_the_way_out_is_the_receivers(funded: System, token, people, laws):
    token.transact("set_fee", 10_000)
    for account in people:
        owner = f"0x{account >> 96:040x}"
        before = token.call("balanceOf", owner)
        out = leave(funded, account)
        assert token.call("balanceOf", owner) - before == out - out // 100
        laws(*everyone(funded, people))


def test_a_surcharge_on_the_way_in_is_the_senders(funded: System, token, people, laws):
    trader = funded.actor("trader")
    token.transact("set_surcharge", 10_000)
    units = funded.mint(trader, 1_010)
    funded.core.transact("deposit", people[0], COLLATERAL, units * 100 // 101, sender=trader)
    assert token.call("balanceOf", trader) == 0
    laws(*everyone(funded, people))


def test_a_surcharge_on_the_way_out_locks_nobody_in_and_is_missing_at_the_end(
    funded: System, token, people
):
    """A token that begins to charge its sender takes from who leaves last what it charged."""
    saver = people[2]
    claims = principal(funded, saver)
    held = token.call("balanceOf", funded.core.address)
    token.transact("set_surcharge", 10_000)
    withdraw(funded, saver, 50_000)
    assert principal(funded, saver) == claims - 50_000 * WAD
    charged = 50_000 * WAD // UNIT * 10_000 // 10**6
    assert token.call("balanceOf", funded.core.address) == held - 50_000 * WAD // UNIT - charged


# Three: balances that change by themselves


def test_a_rebase_upward_is_a_donation(funded: System, token, people):
    """Nobody's claim grows; everyone is paid; what is left over belongs to nobody."""
    held = token.call("balanceOf", funded.core.address)
    token.transact("set_scale", 1_100_000)
    donated = token.call("balanceOf", funded.core.address) - held
    assert donated == held // 10
    claims = [principal(funded, account) for account in people]
    out = [leave(funded, account) for account in people]
    # what trading cost came off the deposits; nothing was added
    assert all(paid * UNIT <= claim for paid, claim in zip(out, claims, strict=True))
    assert token.call("balanceOf", funded.core.address) >= held - sum(out) + donated - 3


def test_a_rebase_downward_pays_the_first_and_no_more_than_there_is(
    system: System, token, trader, counterparty
):
    """No contract can see it come: such a token must not be listed. What leaves is what is held."""
    first, last = system.fund(trader, 1_000), system.fund(counterparty, 1_000)
    token.transact("set_scale", 900_000)
    held = token.call("balanceOf", system.core.address)
    assert held == 1_800 * PPM
    withdraw(system, first, 1_000)
    refused(system, "balance", lambda: withdraw(system, last, 1_000))
    withdraw(system, last, 799)
    assert token.call("balanceOf", system.core.address) <= PPM
    assert system.cash(last) == 201 * WAD


# Four to seven: it answers nothing, or no; it blocks one, or everybody


def test_a_token_that_answers_nothing_works(funded: System, token, people, laws):
    token.transact("set_silent", True)
    trader = funded.actor("trader")
    cash = funded.cash(people[0])
    funded.fund(trader, 1_000)
    assert funded.cash(people[0]) == cash + wad(1_000)
    withdraw(funded, people[0], 1_000)
    assert funded.cash(people[0]) == cash
    laws(*everyone(funded, people))
    assert all(leave(funded, account) for account in people)


def test_a_token_that_answers_no_is_refused(funded: System, token, people, laws):
    token.transact("set_refuses", True)
    trader = funded.actor("trader")
    units = funded.mint(trader, 1_000)
    deposit = ("deposit", people[0], COLLATERAL, units)
    refused(funded, "TokenMisbehaved", lambda: funded.core.transact(*deposit, sender=trader))
    refused(funded, "TokenMisbehaved", lambda: withdraw(funded, people[2], 10))
    close(funded, people[0])
    laws(*everyone(funded, people))


def test_a_blocked_owner_stands_in_nobodys_way(funded: System, token, people, laws):
    owner = funded.actor("trader")
    token.transact("set_blocked", owner, True)
    account = people[0]
    close(funded, account)
    refused(funded, "blocked", lambda: withdraw(funded, account, 10))
    # its money is its own all the same: to an address that is not blocked
    elsewhere = funded.actor("stranger")
    amount = principal(funded, account) // UNIT
    funded.core.transact("withdraw", account, COLLATERAL, amount, elsewhere, sender=owner)
    assert token.call("balanceOf", elsewhere) == amount
    for other in people[1:]:
        leave(funded, other)
    laws(*everyone(funded, people))


def test_a_blocked_owner_is_liquidated_like_anybody(funded: System, token, keeper, laws):
    owner = funded.actor("trader")
    account = funded.fund(owner, 40_000)
    funded.trade(account, BTC, 10)
    token.transact("set_blocked", owner, True)
    funded.move(BTC, 57_500)
    reward = funded.account(keeper)
    funded.liquidator.transact("liquidate", [account], [BTC], reward, sender=keeper)
    assert funded.size(account, BTC) < 10 * WAD
    laws(account, reward, funded.account(funded.actor("liquidity provider")))


def test_a_paused_token_stops_nothing_inside(funded: System, token, people, keeper, laws):
    """Trades, slices, epochs and transfers move no tokens; deposits and withdrawals wait."""
    weak = funded.fund(funded.actor("weak"), 40_000)
    funded.trade(weak, BTC, 10)
    token.transact("set_paused", True)
    refused(funded, "paused", lambda: withdraw(funded, people[2], 10))
    trader = funded.actor("trader")
    units = funded.mint(trader, 10)
    deposit = ("deposit", people[0], COLLATERAL, units)
    refused(funded, "paused", lambda: funded.core.transact(*deposit, sender=trader))
    funded.move(BTC, 57_500)
    reward = funded.account(keeper)
    done = funded.liquidator.transact("liquidate", [weak], [BTC], reward, sender=keeper)
    assert done.named("Sliced")
    provider = funded.actor("liquidity provider")
    shares = funded.vault.call("balanceOf", provider)
    home = funded.account(provider)
    funded.vault.transact("request_redeem", home, shares // 10, 0, FOREVER, sender=provider)
    funded.process_epoch()
    funded.vault.transact("claim_part", home, wad(1_000), sender=provider)
    close(funded, people[0])
    laws(weak, *everyone(funded, people))
    token.transact("set_paused", False)
    for account in people:
        leave(funded, account)
    laws(weak, *everyone(funded, people))


# Eight: decimals no word has room for


@pytest.mark.parametrize("decimals", [19, 30, 255])
def test_more_than_eighteen_decimals_are_refused_when_listed(system: System, decimals: int):
    strange = system.chain.deploy(token_artifact(), decimals)
    # as it says itself, and as a governor might hope
    for claimed in (decimals, 18):
        word = replace(asset(strange.address), token_decimals=claimed).pack()
        with reverts("OutOfBounds"):
            system.deployment.configurator.call("check_asset", word)


def test_a_listed_asset_never_gets_another_token(system: System):
    strange = system.chain.deploy(token_artifact(), 6)
    word = asset(strange.address).pack()
    core, vault = system.core.address, system.vault.address
    with reverts("AlreadySet"):
        system.govern(system.deployment.configurator, "add_asset", core, COLLATERAL, word, vault)


# Hooks: the token calls back from within every transfer


@dataclass
class World:
    """A moment in which nearly every call could succeed, made by the token itself."""

    system: System
    token: Contract
    arguments: dict[str, tuple]  # of a call that succeeds, by Contract.function

    def message(self, contract: Contract, fn: str) -> bytes:
        function = contract.abi.functions[fn]
        arguments = self.arguments.get(f"{contract.name}.{function.name}")
        return function.encode(plain(contract.name, fn) if arguments is None else arguments)

    def outer(self, way: str) -> None:
        """A stranger's deposit or withdrawal, in whose middle the token calls."""
        saver = self.system.actor("saver")
        account = self.system.account(saver)
        if way == "deposit":
            self.system.core.transact(way, account, COLLATERAL, 1_000, sender=saver)
        else:
            self.system.core.transact(way, account, COLLATERAL, 1_000, saver, sender=saver)

    def words(self) -> Words:
        """All but the token's own; its balances tell the rest."""
        found = without(storage(self.system.chain), self.token)
        names = ("saver", "stranger")
        holders = [self.system.core.address, self.token.address, *map(self.system.actor, names)]
        balances = {int(holder, 16): self.token.call("balanceOf", holder) for holder in holders}
        return {**found, "balances": balances}


def inputs(name: str, fn: str) -> list[dict[str, Any]]:
    """A function's parameters, by its signature."""
    entries = [entry for entry in artifact(name).entries if entry["type"] == "function"]
    return next(entry["inputs"] for entry in entries if signature(entry) == fn)


def plain(name: str, fn: str) -> tuple:
    """Arguments of the right types for a function nobody has thought of yet."""
    return tuple(_plain(part) for part in inputs(name, fn))


def _plain(entry: dict[str, Any]) -> Any:
    kind = entry["type"]
    if kind.endswith("]"):
        return []
    if kind == "tuple":
        return tuple(_plain(part) for part in entry["components"])
    if kind == "address":
        return "0x" + "11" * 20
    if kind == "bool":
        return False
    if kind.startswith("bytes"):
        return b"\0" * int(kind[5:] or 0)
    return "" if kind == "string" else 1


@pytest.fixture(scope="module")
def made() -> World:
    """Accounts to slice and to book, requests to process and to claim, orders in every state."""
    system = deployed()
    token = hostile(system)
    me = token.address
    core, vault, exchange = system.core, system.vault, system.exchange

    def act(contract: Contract, fn: str, *args: object) -> None:
        """In the token's name."""
        token.transact("forward", contract.address, contract.encode(fn, *args))

    # a venue too, so that clear would be its right
    system.govern(system.deployment.configurator, "set_venue", core.address, me, TRADING)
    provider = system.actor("liquidity provider")
    system.provide(provider, 20_000_000)
    token.transact("mint", me, 10**13)
    act(token, "approve", core.address, 2**256 - 1)
    own = [system.account(me, sub) for sub in range(1, 7)]
    for account in own:
        act(core, "deposit", account, COLLATERAL, 300_000 * PPM)
    # two notices that have run, and shares to spare
    fund = system.deployment.fund
    act(core, "set_delegate", fund.address, MOVE_RIGHT, FOREVER)
    act(fund, "contribute", own[4], wad(10_000), 0)
    for account in own[4:]:
        act(fund, "give_notice", account, wad(100))
    system.pass_time(14 * 86_400)
    saver = system.actor("saver")
    system.fund(saver, 10_000)
    system.mint(saver, 10)
    fund.transact("approve", me, 2**256 - 1, sender=saver)
    act(fund, "transfer", saver, wad(100))
    losers = [system.fund(system.actor(name), 64_000) for name in ("loser", "bankrupt")]
    for account in losers:
        for _ in range(2):
            system.trade(account, BTC, 8)
    system.move(BTC, 55_300)
    bankrupt = system.actor("bankrupt")
    order = system.order(losers[1], BTC, -16, reduce_only=True)
    system.place(order)
    system.execute(order, keeper=bankrupt)
    assert system.cash(losers[1]) < 0

    act(core, "set_delegate", vault.address, MOVE_RIGHT, FOREVER)
    vault.transact("transfer", me, vault.call("balanceOf", provider) // 10, sender=provider)
    vault.transact("approve", me, 2**256 - 1, sender=provider)
    request = (wad(1_000), 0, FOREVER)
    act(vault, "request_deposit", own[2], *request)
    system.process_epoch()
    act(vault, "request_deposit", own[3], *request)
    epoch = system.now // system.config.epoch_seconds
    close_time = (epoch + 1) * system.config.epoch_seconds
    system.chain.set_time(close_time + 4)
    system.refresh()
    orders = [system.order(own[1], BTC, size) for size in (1, 1, 2)]
    resting = system.order(own[1], BTC, 1, resting=True)
    for order in (*orders[1:], resting):
        act(exchange, "place", order)
    slot = system.next_slot()
    system.refresh()
    pool = system.deployment.pool(BTC)
    fills = [(own[0], own[1], 0, 0, 0, WAD, 0)]
    # the last second's slot of the epoch has no price yet
    signed = system.signers.arguments(1, system.prices[1], close_time - 1)
    arguments = {
        "ClearingHouse.set_delegate": (saver, 1, FOREVER),
        "ClearingHouse.deposit": (own[0], COLLATERAL, 1_000),
        "ClearingHouse.withdraw": (own[0], COLLATERAL, 1_000, system.actor("stranger")),
        "ClearingHouse.transfer": (own[0], own[1], COLLATERAL, WAD),
        "ClearingHouse.clear": (fills,),
        "ClearingHouse.poke": (BTC,),
        "ClearingHouse.sweep_fees": (pool, COLLATERAL),
        "LiquidityVault.transfer": (saver, WAD),
        "LiquidityVault.transferFrom": (provider, me, WAD),
        "LiquidityVault.approve": (saver, WAD),
        "LiquidityVault.poke_caps": (),
        "LiquidityVault.absorb": (),
        "LiquidityVault.request_deposit": (own[4], *request),
        "LiquidityVault.request_redeem": (own[5], wad(10), 0, FOREVER),
        "LiquidityVault.process_epoch": (epoch,),
        "LiquidityVault.claim": (own[2],),
        "LiquidityVault.claim_part": (own[2], WAD),
        "GuarantyFund.transfer": (provider, WAD),
        "GuarantyFund.transferFrom": (saver, me, WAD),
        "GuarantyFund.approve": (saver, WAD),
        "GuarantyFund.contribute": (own[4], WAD, 0),
        "GuarantyFund.give_notice": (own[0], WAD),
        "GuarantyFund.claim": (own[4], 0),
        "GuarantyFund.cancel": (own[5],),
        "GuarantyFund.cover": (COLLATERAL,),
        "GuarantyFund.collect": (),
        "Exchange.place": (orders[0],),
        "Exchange.cancel": (orders[1],),
        "Exchange.wake": (resting, slot),
        "Exchange.execute": (orders[2], own[0]),
        "Exchange.execute_many": (orders[1:], own[0]),
        "Liquidator.liquidate": ([losers[0]], [BTC], own[0]),
        "Liquidator.book": (losers[1],),
        "PriceOracle.push": signed,
    }
    assert exchange.call("order_word", own[1], orders[1].nonce & 255) != 0
    return World(system, token, arguments)


@pytest.fixture
def world(made: World):
    chain, signers = made.system.chain, made.system.signers
    checkpoint = chain.snapshot()
    yield made
    chain.restore(checkpoint)
    for signer in signers.quorum:
        signer.signed.clear()


NAMES = (
    *("ClearingHouse", "LiquidityVault", "GuarantyFund", "Exchange", "Liquidator"),
    *("PriceOracle", "Configurator", "Timelock"),
)


def functions(view: bool) -> list[tuple[str, str]]:
    """Every external function by contract and signature, from the ABIs."""
    return [
        (name, signature)
        for name in (*NAMES, *(("LensAccounts", "LensMarkets") if view else ()))
        for signature, function in artifact(name).abi.functions.items()
        if "(" in signature and function.view is view
    ]


def contract_of(world: World, name: str) -> Contract:
    return world.system.deployment[name]


@pytest.mark.parametrize("way", ["deposit", "withdraw"])
@pytest.mark.parametrize(("name", "fn"), functions(view=False))
def test_a_hook_is_refused_or_as_if_it_came_before_or_after(
    world: World, name: str, fn: str, way: str
):
    contract, token, chain = contract_of(world, name), world.token, world.system.chain
    message = world.message(contract, fn)

    def after(*steps: Callable[[], object]) -> Words | None:
        checkpoint = chain.snapshot()
        try:
            for step in steps:
                step()
            return world.words()
        except ProtocolError:
            return None
        finally:
            chain.restore(checkpoint)

    def plain_call() -> object:
        return token.transact("forward", contract.address, message)

    def plain_outer() -> None:
        world.outer(way)

    alone = after(plain_outer)
    serial = [after(plain_call, plain_outer), after(plain_outer, plain_call)]
    token.transact("set_callback", contract.address, message)
    world.outer(way)
    if token.call("succeeded"):
        assert name != "ClearingHouse"
        # a batch may go through and have skipped every item
        assert world.words() in [found for found in (alone, *serial) if found is not None]
    else:
        assert world.words() == alone


@pytest.mark.parametrize(
    ("name", "fn"), [pair for pair in functions(view=False) if pair[0] in NAMES[:5]]
)
def test_outside_a_transfer_the_same_calls_succeed(world: World, name: str, fn: str):
    """Or the test above would prove little. What has no arguments above is for the system only."""
    contract, bare = contract_of(world, name), fn.partition("(")[0]
    message = world.message(contract, fn)
    if f"{name}.{bare}" in world.arguments:
        world.token.transact("forward", contract.address, message)
    else:
        with pytest.raises(ProtocolError):
            world.token.transact("forward", contract.address, message)


@pytest.mark.parametrize("way", ["deposit", "withdraw"])
@pytest.mark.parametrize(("name", "fn"), functions(view=True))
def test_a_view_inside_a_transfer_is_refused_or_tells_the_state_before_or_after(
    world: World, name: str, fn: str, way: str
):
    contract, token, chain = contract_of(world, name), world.token, world.system.chain
    saver = world.system.account(world.system.actor("saver"))
    named = {"account": saver, "instrument": BTC, "asset": COLLATERAL, "feed": 1}
    arguments = (named.get(part["name"], _plain(part)) for part in inputs(name, fn))
    message = contract.encode(fn, *arguments)

    def told() -> bytes | None:
        try:
            return chain.call(contract.address, message)[:32]
        except ProtocolError:
            return None

    token.transact("set_callback", contract.address, message)
    before = told()
    world.outer(way)
    answer = bytes(token.call("answer")) if token.call("succeeded") else None
    assert answer is None or answer in (before, told())


def test_a_hook_that_pays_in_while_a_deposit_is_counted_is_refused(funded: System, token, trader):
    """More arrives than was asked: as little to be trusted as less."""
    me = token.address
    token.transact("mint", me, 100)
    units = funded.mint(trader, 100)
    account = funded.account(trader)
    gift = funded.token.encode("transfer", funded.core.address, 1)
    token.transact("set_callback", me, gift)
    before = funded.cash(account)
    with reverts("TokenMisbehaved"):
        funded.core.transact("deposit", account, COLLATERAL, units, sender=trader)
    assert funded.cash(account) == before


def test_a_token_that_is_a_venue_too_gets_nothing_more(funded: System, token, venue: Venue, laws):
    """Inside its own transfer a registered venue may not clear."""
    me = token.address
    funded.govern(funded.deployment.configurator, "set_venue", funded.core.address, me, TRADING)
    victim = funded.fund(funded.actor("trader"), 50_000)
    payment = venue.payment(victim, words.account(me, 1), wad(100))
    message = funded.core.encode("clear", [payment])
    token.transact("set_callback", funded.core.address, message)
    withdraw(funded, victim, 1_000)
    assert not token.call("succeeded")
    assert funded.cash(victim) == wad(49_000)
    laws(victim, *everyone(funded, []))
