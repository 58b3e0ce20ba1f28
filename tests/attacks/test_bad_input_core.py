"""What the clearing house refuses: malformed amounts, ids, sizes and prices, and who may not ask.

Each row is a call, the caller and the error's name. A refusal moves not a word of any contract.
"""

import pytest

from tests.attacks.conftest import Venue
from tests.harness.storage import refused
from tests.harness.system import BTC, ETH, System
from tidegate.artifacts import artifact
from tidegate.deployment import COLLATERAL
from tidegate.spec import words
from tidegate.spec.rounding import WAD

MAX = 2**256 - 1
LEAST, MOST = -(2**255), 2**255 - 1
NOBODY = "0x" + "00" * 20


@pytest.fixture
def accounts(funded: System, trader: str, attacker: str) -> dict[str, int]:
    """By role; every one that can hold cash does."""
    own = funded.fund(trader, 50_000)
    funded.trade(own, BTC, 1)
    funded.mint(trader, 1_000)
    deployment = funded.deployment
    return {
        "own": own,
        "other": funded.fund(attacker, 50_000),
        "pool": deployment.pool(BTC),
        "treasury": deployment.treasury,
        "insurance": deployment.insurance,
        "deficits": deployment.deficits,
        "escrow": deployment.escrow,
        "shaped": words.pool(int(trader, 16), 1),  # of the trader's, in the form of a pool
        "empty": words.account(trader, 9),
        "last": MAX,
        "zero": 0,
    }


def resolve(value: object, accounts: dict[str, int], system: System) -> object:
    if isinstance(value, str) and value in accounts:
        return accounts[value]
    return {"trader": system.actor("trader"), "core": system.core.address}.get(str(value), value)


CASH = [
    ("deposit", ("own", 0, 0), "ZeroAmount"),
    ("deposit", ("own", 0, 2**112), "AmountTooLarge"),
    ("deposit", ("own", 0, MAX), "AmountTooLarge"),
    ("deposit", ("own", 0, 10**15), "erc20: transfer amount exceeds balance"),
    ("deposit", ("own", 1, 1), "NotListed"),
    ("deposit", ("own", 255, 1), "NotListed"),
    ("deposit", ("own", MAX, 1), "NotListed"),
    ("deposit", ("escrow", 0, 1), "NotPermitted"),
    ("withdraw", ("own", 0, 0, "trader"), "ZeroAmount"),
    ("withdraw", ("own", 0, 2**112, "trader"), "AmountTooLarge"),
    ("withdraw", ("own", 0, 2**112 - 1, "trader"), "AmountTooLarge"),
    ("withdraw", ("own", 0, MAX, "trader"), "AmountTooLarge"),
    ("withdraw", ("own", 0, 50_001 * 10**6, "trader"), "InsufficientCash"),
    ("withdraw", ("own", 0, 49_000 * 10**6, "trader"), "InsufficientMargin"),
    ("withdraw", ("own", 0, 1, NOBODY), "NotPermitted"),
    ("withdraw", ("own", 0, 1, "core"), "NotPermitted"),
    ("withdraw", ("empty", 0, 1, "trader"), "InsufficientCash"),
    ("withdraw", ("shaped", 0, 1, "trader"), "InsufficientCash"),
    ("withdraw", ("own", 1, 1, "trader"), "InsufficientCash"),
    ("withdraw", ("own", MAX, 1, "trader"), "InsufficientCash"),
    *(
        ("withdraw", (name, 0, 1, "trader"), "NotPermitted")
        for name in ("other", "pool", "treasury", "insurance", "deficits", "escrow", "last", "zero")
    ),
    ("transfer", ("own", "other", 0, 0), "ZeroAmount"),
    ("transfer", ("own", "other", 0, 2**120), "AmountTooLarge"),
    ("transfer", ("own", "other", 0, MAX), "AmountTooLarge"),
    ("transfer", ("own", "other", 0, 50_001 * WAD), "InsufficientCash"),
    ("transfer", ("own", "empty", 0, 49_000 * WAD), "InsufficientMargin"),
    ("transfer", ("own", "other", 1, 1), "InsufficientCash"),
    ("transfer", ("own", "other", MAX, 1), "InsufficientCash"),
    ("transfer", ("own", "escrow", 0, 1), "NotPermitted"),
    ("transfer", ("shaped", "own", 0, 1), "InsufficientCash"),
    *(
        ("transfer", (name, "own", 0, 1), "NotPermitted")
        for name in ("other", "pool", "treasury", "insurance", "deficits", "escrow", "last", "zero")
    ),
    ("set_delegate", ("core", 8, 1), "OutOfBounds"),
    ("set_delegate", ("core", MAX, 1), "OutOfBounds"),
    ("set_delegate", ("core", 7, 2**64), "OutOfBounds"),
    ("set_delegate", ("core", 7, MAX), "OutOfBounds"),
    *(("poke", (instrument,), "NotListed") for instrument in (0, 1, 63, 65, 2**16, MAX)),
    *(("settle", ("own", instrument), "NotListed") for instrument in (0, BTC, 65, MAX)),
    *(("settle", (name, BTC), "NotListed") for name in ("pool", "empty", "zero", "last")),
    ("set_brake", (BTC, 0), "NotVenue"),
    ("set_brake", (MAX, MAX), "NotVenue"),
    ("book_deficit", ("own", 0), "NotVenue"),
    ("book_deficit", ("deficits", 0), "NotVenue"),
    ("sweep_fees", ("own", 0), "NotPermitted"),
    ("sweep_fees", ("treasury", 0), "NotPermitted"),
    ("sweep_fees", ("shaped", 0), "NotPermitted"),
    ("sweep_fees", ("pool", 1), "NotPermitted"),
    ("sweep_fees", ("last", MAX), "NotPermitted"),
    ("scale_caps", (BTC, 0), "NotOwner"),
    ("scale_caps", (MAX, MAX), "NotOwner"),
    ("add_asset", (0, 0, "core"), "NotOwner"),
    ("set_terms", (BTC, 0, 0, 0), "NotOwner"),
    ("set_venue", ("core", 1), "NotOwner"),
]


@pytest.mark.parametrize(("fn", "args", "error"), CASH)
def test_a_malformed_call_is_refused_by_name(funded: System, accounts, fn, args, error: str):
    values = [resolve(value, accounts, funded) for value in args]
    trader = funded.actor("trader")
    refused(funded.chain, error, lambda: funded.core.transact(fn, *values, sender=trader))


def test_every_function_of_the_clearing_house_is_in_the_table():
    functions = artifact("ClearingHouse").abi.functions.values()
    changing = {function.name for function in functions if not function.view}
    assert changing == {fn for fn, *_ in CASH} | {"clear"}


# taker, maker, instrument, size, price as a share of the mark or as it is, fee, slot
FILLS = [
    (("own", "pool", BTC, 0, 1.0, 0, 0), "BadFill"),
    (("own", "pool", BTC, WAD, 0, 0, 0), "BadFill"),
    (("own", "pool", BTC, 2**103, 1.0, 0, 0), "BadFill"),
    (("own", "pool", BTC, -(2**103), 1.0, 0, 0), "BadFill"),
    (("own", "pool", BTC, MOST, 1.0, 0, 0), "BadFill"),
    (("own", "pool", BTC, LEAST, 1.0, 0, 0), "BadFill"),
    (("own", "pool", BTC, WAD, 2**90, 0, 0), "BadFill"),
    (("own", "pool", BTC, WAD, MAX, 0, 0), "BadFill"),
    (("own", "pool", BTC, WAD, 1.0, 2**120, 0), "BadFill"),
    (("own", "pool", BTC, WAD, 1.0, MAX, 0), "BadFill"),
    (("own", "own", BTC, WAD, 1.0, 0, 0), "BadFill"),
    (("zero", "pool", BTC, WAD, 1.0, 0, 0), "BadFill"),
    (("pool", "own", BTC, WAD, 1.0, 0, 0), "BadFill"),
    (("shaped", "own", BTC, WAD, 1.0, 0, 0), "BadFill"),
    (("own", "shaped", BTC, WAD, 1.0, 0, 0), "BadFill"),
    (("own", "pool", ETH, WAD, 1.0, 0, 0), "BadFill"),
    (("own", "escrow", BTC, WAD, 1.0, 0, 0), "BadFill"),
    (("escrow", "pool", BTC, WAD, 1.0, 0, 0), "BadFill"),
    (("own", "pool", 1, WAD, 1.0, 0, 0), "NotListed"),
    (("own", "pool", 65, WAD, 1.0, 0, 0), "NotListed"),
    (("own", "pool", 2**16, WAD, 1.0, 0, 0), "NotListed"),
    (("own", "pool", MAX, WAD, 1.0, 0, 0), "NotListed"),
    (("own", "pool", BTC, WAD, 1.0, 0, 1), "NoPrice"),
    (("own", "pool", BTC, WAD, 1.0, 0, MAX), "NoPrice"),
    (("own", "pool", BTC, WAD, 1, 0, 0), "OutsideBand"),
    (("own", "pool", BTC, WAD, 1.031, 0, 0), "OutsideBand"),
    (("own", "pool", BTC, WAD, 2**90 - 1, 0, 0), "OutsideBand"),
    (("own", "pool", BTC, -WAD + 1, 1.0, 0, 0), "BelowMinimum"),
    (("empty", "other", BTC, 1, 1.0, 0, 0), "BelowMinimum"),
    (("own", "pool", BTC, WAD, 1.0, 10**21, 0), "FeeTooHigh"),
    (("own", "pool", BTC, 20 * WAD, 1.0, 0, 0), "InsufficientMargin"),
    (("empty", "pool", BTC, WAD, 1.0, 0, 0), "InsufficientMargin"),
    (("own", "empty", BTC, WAD // 2, 1.0, 0, 0), "InsufficientMargin"),
    (("own", "pool", BTC, 2**100, 1.0, 0, 0), "OpenInterestCap"),
    (("own", "pool", 0, 1, 0, 1, 0), "BadFill"),
    (("own", "pool", 0, 0, 1, 1, 0), "BadFill"),
    (("own", "other", 0, 0, 0, 2**120 - 1, 0), "FeeTooHigh"),
    (("own", "other", 0, 0, 0, 2**120, 0), "BadFill"),
    (("empty", "other", 0, 0, 0, 1, 0), "InsufficientMargin"),
    (("last", "other", 0, 0, 0, 1, 0), "InsufficientMargin"),
    (("zero", "other", 0, 0, 0, 1, 0), "BadFill"),
    (("own", "own", 0, 0, 0, 1, 0), "BadFill"),
]


@pytest.mark.parametrize(("fill", "error"), FILLS)
def test_a_malformed_fill_is_refused_by_name(
    funded: System, accounts, venue: Venue, fill, error: str
):
    taker, maker, instrument, size, price, fee, slot = fill
    if isinstance(price, float):
        feed = 2 if instrument == ETH else 1
        price = funded.oracle.call("latest", feed)[0] * round(price * 1000) // 1000
    row = (accounts[taker], accounts[maker], instrument, size, price, fee, slot)
    refused(funded.chain, error, lambda: venue.clear(row))
    # nor behind something good, which then does not happen either
    good = venue.payment(accounts["other"], accounts["own"], WAD)
    refused(funded.chain, error, lambda: venue.clear(good, row))


@pytest.mark.parametrize("caller", ["trader", "attacker", "guardian", "governor", "keeper"])
def test_nobody_but_a_venue_clears(funded: System, accounts, caller: str):
    fill = (accounts["other"], accounts["own"], BTC, WAD, funded.prices[1], 0, 0)
    payment = (accounts["other"], accounts["own"], 0, 0, 0, 1, 0)
    for row in (fill, payment):
        sender = funded.actor(caller)
        refused(
            funded.chain,
            "NotVenue",
            lambda row=row, sender=sender: funded.core.transact("clear", [row], sender=sender),
        )


def test_more_fills_than_a_call_takes_are_refused(funded: System, accounts, venue: Venue):
    payment = venue.payment(accounts["other"], accounts["own"], 1)
    venue.clear(*[payment] * 8)
    # the list is longer than its type: no error of ours has a say yet
    refused(funded.chain, "Unknown", lambda: venue.clear(*[payment] * 9))


def test_an_account_holds_fifteen_instruments(funded: System, venue: Venue, accounts):
    market = funded.config.markets[0]
    terms = (market.risk.pack(), market.trade.pack(), market.limits.pack())
    core, configurator = funded.core.address, funded.deployment.configurator
    for k in range(1, 16):
        funded.govern(configurator, "set_terms", core, BTC + k, *terms)
    mark = funded.oracle.call("latest", 1)[0]
    for k in range(1, 15):
        venue.clear(venue.fill(accounts["other"], BTC + k, WAD // 500, mark))
    venue.clear(venue.fill(accounts["other"], BTC, WAD // 500, mark))
    one_more = venue.fill(accounts["other"], BTC + 15, WAD // 500, mark)
    refused(funded.chain, "TooManyPositions", lambda: venue.clear(one_more))


@pytest.mark.parametrize("bits", [64, 103, 104, 127, 128, 255])
def test_amounts_at_the_widths_of_words_are_refused_or_exact(
    funded: System, accounts, venue: Venue, bits: int
):
    """A mint of everything: what the words hold passes to the wei, what they do not is named."""
    account, trader = accounts["empty"], funded.actor("trader")
    units = 2**bits - 1
    funded.token.transact("mint", trader, units, sender=trader)

    def pay_in() -> None:
        funded.core.transact("deposit", account, COLLATERAL, units, sender=trader)

    if bits >= 112:
        refused(funded.chain, "AmountTooLarge", pay_in)
        return
    before = funded.cash(account)
    if bits > 80:
        refused(funded.chain, "Unknown", pay_in)  # the principal's field: a failed conversion
        return
    pay_in()
    assert funded.cash(account) == before + units * 10**12
