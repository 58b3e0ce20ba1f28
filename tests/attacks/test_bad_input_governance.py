"""What governance itself is refused, and what everybody else is.

The configurator bounds whoever asks; a mistake of the governor reverts with its name and changes
nothing. Functions are enumerated from the ABIs: one that is new is for strangers until listed here.
"""

from dataclasses import replace

import pytest

from tests.attacks.test_hostile_tokens import functions, plain
from tests.harness.storage import refused
from tests.harness.system import BTC, System
from tests.harness.words import LIMITS, RISK, TRADE, asset
from tidegate.chain import Contract
from tidegate.deployment import COLLATERAL
from tidegate.spec import words

MAX = 2**256 - 1
NOBODY = "0x" + "00" * 20

# Anyone may call these; what they refuse is in the other tables.
EVERYBODYS = {
    "ClearingHouse": {
        *("set_delegate", "deposit", "withdraw", "transfer", "clear", "poke", "sweep_fees"),
        *("book_deficit", "settle"),
    },
    "LiquidityVault": {
        *("poke_caps", "absorb", "request_deposit", "request_redeem", "process_epoch"),
        *("claim", "claim_part", "transfer", "transferFrom", "approve"),
    },
    "Exchange": {"place", "cancel", "release", "wake", "execute", "execute_many"},
    "Liquidator": {
        *("liquidate", "book", "open_auction", "bid", "end_auction", "takeover", "deleverage"),
    },
    "PriceOracle": {"push"},
}
# An adapter's or the circuit breaker's, and nobody else's.
OTHERWISE = {"store": "WrongSource", "observe": "WrongSource", "set_brake": "NotVenue"}
TERMS = ("ClearingHouse", "set_terms")
OURS = ("ClearingHouse", "LiquidityVault", "Exchange", "Liquidator", "Configurator", "PriceOracle")


def guarded() -> list[tuple[str, str]]:
    return [
        (name, fn)
        for name, fn in functions(view=False)
        if name in OURS and fn.partition("(")[0] not in EVERYBODYS.get(name, set())
    ]


@pytest.mark.parametrize(("name", "fn"), guarded())
def test_what_is_governances_is_refused_to_everybody_else(system: System, name: str, fn: str):
    contract, bare = system.deployment[name], fn.partition("(")[0]
    # an instrument that exists, or its accrual is refused before its terms are
    arguments = (BTC, 0, 0, 0) if (name, bare) == TERMS else plain(name, fn)
    guardians = {"revoke_venue", "pause_openings"}
    strangers = ["trader", "attacker", "deployer", "governor", "keeper"]
    if bare not in guardians:
        strangers.append("guardian")
    for role in strangers:
        sender = system.actor(role)

        def call(sender: str = sender) -> None:
            contract.transact(fn, *arguments, sender=sender)

        refused(system.chain, OTHERWISE.get(bare, "NotOwner"), call)


def by_governance(system: System, contract: Contract, fn: str, *args: object) -> list:
    """The operation, scheduled and due; its execution is what is tried."""
    timelock, governor = system.deployment.timelock, system.actor("governor")
    payload = contract.encode(fn, *args)
    operation = [contract.address, 0, payload, b"\0" * 32, b"\x01" * 32]
    timelock.transact("schedule", *operation, system.config.delay, sender=governor)
    system.pass_time(system.config.delay)
    return operation


def _bad(word: words.Word, **fields: object) -> int:
    return replace(word, **fields).pack()


MARKET = (RISK.pack(), TRADE.pack(), LIMITS.pack())
PLAIN = asset("0x" + "00" * 20)

ORDERS = [
    ("set_venue", ("core", "exchange", 3), "OutOfBounds"),
    ("set_venue", ("core", "exchange", 255), "OutOfBounds"),
    ("set_venue", ("core", "exchange", MAX), "OutOfBounds"),
    ("set_venue", ("core", "trader", 1), "OutOfBounds"),
    ("set_guardian", (NOBODY,), "OutOfBounds"),
    ("set_terms", ("core", 0, *MARKET), "OutOfBounds"),
    ("set_terms", ("core", 63, *MARKET), "OutOfBounds"),
    ("set_terms", ("core", 2**16, *MARKET), "OutOfBounds"),
    ("set_terms", ("core", MAX, *MARKET), "OutOfBounds"),
    ("set_terms", ("core", 640, 0, 0, 0), "OutOfBounds"),
    ("set_terms", ("core", 640, MAX, MAX, MAX), "OutOfBounds"),
    ("set_terms", ("core", 640, _bad(RISK, kind=2), *MARKET[1:]), "OutOfBounds"),
    ("set_terms", ("core", 640, _bad(RISK, settle_asset=1), *MARKET[1:]), "OutOfBounds"),
    ("set_terms", ("core", 640, _bad(RISK, scale=0), *MARKET[1:]), "OutOfBounds"),
    ("set_terms", ("core", 640, *MARKET), "NoPrice"),
    ("set_shocks", ("core", 1, 0, 0), "OutOfBounds"),
    ("set_shocks", ("core", 1, MAX, MAX), "OutOfBounds"),
    ("set_shocks", ("core", 9, 50_000, 30_000), "NotListed"),
    ("add_asset", ("core", 1, "word", "vault"), "OutOfBounds"),
    ("add_asset", ("core", MAX, "word", "vault"), "OutOfBounds"),
    ("add_asset", ("core", COLLATERAL, 0, "vault"), "OutOfBounds"),
    ("add_asset", ("core", COLLATERAL, MAX, "vault"), "OutOfBounds"),
    ("add_asset", ("core", COLLATERAL, "word", "trader"), "OutOfBounds"),
    ("add_asset", ("core", COLLATERAL, "word", "exchange"), "AlreadySet"),
]


@pytest.mark.parametrize(("fn", "args", "error"), ORDERS)
def test_a_mistake_of_governance_is_refused_by_name(
    system: System, fn: str, args: tuple, error: str
):
    known = {
        "core": system.core.address,
        "vault": system.vault.address,
        "exchange": system.exchange.address,
        "trader": system.actor("trader"),
        "word": system.core.call("asset_word", COLLATERAL),
    }
    values = [known.get(value, value) if isinstance(value, str) else value for value in args]
    operation = by_governance(system, system.deployment.configurator, fn, *values)
    timelock, governor = system.deployment.timelock, system.actor("governor")
    refused(system.chain, error, lambda: timelock.transact("execute", *operation, sender=governor))


@pytest.mark.parametrize(
    ("instrument", "word", "error"),
    [
        (0, 1, "NotListed"),
        (BTC + 1, 10_000, "NotListed"),
        (MAX, 10_000, "NotListed"),
        (BTC, 2**80, "OutOfBounds"),
        (BTC, MAX, "OutOfBounds"),
        (BTC, 1_000_000, "OutOfBounds"),
        (BTC, 10_000 | 3_000 << 20, "OutOfBounds"),
        (BTC, 10_000 | 1_000 << 20 | 1_001 << 40, "OutOfBounds"),
        (BTC, 10_000 | 1_000 << 20 | 1_000_001 << 60, "OutOfBounds"),
        (BTC + 1, 0, "NotListed"),
    ],
)
def test_a_mistaken_quote_is_refused_by_name(system: System, instrument, word, error: str):
    operation = by_governance(system, system.vault, "set_quote", instrument, word)
    timelock, governor = system.deployment.timelock, system.actor("governor")
    refused(system.chain, error, lambda: timelock.transact("execute", *operation, sender=governor))


@pytest.mark.parametrize(
    ("fn", "args", "error"),
    [
        ("pause_openings", (0,), "OutOfBounds"),
        ("pause_openings", (7 * 86_400 + 1,), "OutOfBounds"),
        ("pause_openings", (MAX,), "OutOfBounds"),
        ("revoke_venue", ("liquidator",), "OutOfBounds"),
        ("revoke_venue", ("trader",), "OutOfBounds"),
    ],
)
def test_a_mistake_of_the_guardian_is_refused_by_name(
    system: System, guardian: str, fn: str, args: tuple, error: str
):
    core, exchange = system.core.address, system.exchange.address
    known = {"liquidator": system.liquidator.address, "trader": system.actor("trader")}
    values = (exchange, *args) if fn == "pause_openings" else [known[str(name)] for name in args]
    configurator = system.deployment.configurator
    refused(system.chain, error, lambda: configurator.transact(fn, core, *values, sender=guardian))
