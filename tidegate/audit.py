"""Reads the whole ledger of one deployment from the chain, word by word, for the laws."""

from collections.abc import Iterable, Mapping

from tidegate.abi import Event
from tidegate.chain import Chain, Contract, Known
from tidegate.client.venue import COLLATERAL, Venue
from tidegate.laws import Books, MarketBooks, Standing
from tidegate.spec import words

PREMIUM_BITS = 2**20 - 1  # of the vault's quote word


def history(chain: Chain, contracts: Iterable[Contract]) -> list[Event] | None:
    """Every event of these contracts by eth_getLogs, in order; None where a chain keeps no logs."""
    rpc = getattr(chain, "rpc", None)
    if rpc is None:
        return None
    known = Known()
    addresses = []
    for contract in contracts:
        known.add(contract.address, contract.abi)
        addresses.append(contract.address)
    logs = rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": addresses})
    return known.decode(
        [
            (
                log["address"],
                [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                bytes.fromhex(log["data"][2:]),
            )
            for log in logs
        ]
    )


def accounts_in(events: Iterable[Event]) -> set[int]:
    """Every account of the ledger that an event of the clearing house names."""
    found: set[int] = set()
    for event in events:
        if event.contract == "ClearingHouse":
            for name in ("account", "source", "target", "taker", "maker"):
                account = getattr(event.args, name, None)
                if account is not None:
                    found.add(account)
    return found


def read_books(venue: Venue, events: list[Event]) -> Books:
    """The ledger at the newest block. `events` is the whole history."""
    core, vault = venue.core, venue.vault
    deficits = words.deficits(core.address, COLLATERAL)
    accounts = accounts_in(events) | {
        words.treasury(vault.address),
        words.insurance(core.address, COLLATERAL),
        deficits,
        words.backstop(core.address),
    }
    instruments = [market.instrument for market in venue.markets.values()]
    unit = 10 ** (18 - venue.token_decimals)
    received = deposited = booked = 0
    for event in events:
        args = event.args
        if event.address == venue.token.address and event.name == "Transfer":
            # ERC-20 names differ: sender, receiver, value in this order
            received += args[2] if int(args[1], 16) == int(core) else 0
        elif event.address != core.address:
            continue
        elif event.name == "Deposited":
            deposited += args.amount
        elif event.name == "Moved":
            # out of the deficit account: one was booked; into it: repaid
            booked += args.amount * (args.source == deficits)
            booked -= args.amount * (args.target == deficits)
    positions = {
        (account, instrument): words.Position.unpack(word)
        for account in accounts
        for instrument in instruments
        if (word := core.call("position_word", account, instrument))
    }
    markets = {instrument: _market(venue, instrument) for instrument in instruments}
    return Books(
        time=venue.chain.time(),
        core=int(core),
        vault=int(vault),
        asset=COLLATERAL,
        cash={
            account: words.Cash.unpack(core.call("cash_word", account, COLLATERAL))
            for account in accounts
        },
        positions=positions,
        markets=markets,
        standings=_standings(venue, positions, markets),
        held=venue.token.call("balanceOf", core.address) * unit,
        donations=received * unit - deposited,
        booked=booked,
        vault_equity=vault.call("equity"),
    )


def _standings(
    venue: Venue,
    positions: Mapping[tuple[int, int], words.Position],
    markets: Mapping[int, MarketBooks],
) -> dict[tuple[int, int], Standing]:
    """Of the accounts in markets whose sides shared a loss; pools and the backstop share none."""
    core = venue.core.address
    backstop, vault = words.backstop(core), int(venue.vault)
    standings = {}
    for (account, instrument), position in positions.items():
        market = markets[instrument]
        pool = words.pool(vault, words.underlying_of(instrument))
        if market.risk.shared and account not in (pool, backstop):
            terms = (core, instrument, position.pack(), market.indices.pack())
            standings[account, instrument] = Standing(*venue.losses.call("standing_of", *terms))
    return standings


def _market(venue: Venue, instrument: int) -> MarketBooks:
    core = venue.core
    return MarketBooks(
        words.Indices.unpack(core.call("indices_word", instrument)),
        words.Interest.unpack(core.call("interest_word", instrument)),
        words.Carry.unpack(core.call("carry_word", instrument)),
        words.Risk.unpack(core.call("risk_word", instrument)),
        venue.oracle.call("latest", venue.market_of(instrument).feed)[0],
        venue.vault.call("quote_word", instrument) & PREMIUM_BITS,
    )
