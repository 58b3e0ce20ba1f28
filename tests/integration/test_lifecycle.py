"""An exchange's life on a node: deployed, funded, traded on, crashed, liquidated, left.

Everything that keepers can do is done by the keepers' code. On anvil `ape run deploy` deploys and
the client finds its manifest; the embedded chain lives in this process, so the same function
deploys there.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.harness.ape import DEVNET_PORT, ape_deploy
from tidegate.audit import history, read_books
from tidegate.client import snapshots
from tidegate.client.calls import Outcome, Transaction
from tidegate.client.price_message import Domain, PriceSigner
from tidegate.client.units import wad
from tidegate.client.venue import COLLATERAL, Venue
from tidegate.deployment import THRESHOLD, Deployment, deploy
from tidegate.keepers import price_pusher
from tidegate.keepers.actions import Push
from tidegate.keepers.journal import Journal
from tidegate.keepers.price_pusher import Target
from tidegate.keepers.runner import Keepers
from tidegate.keepers.sender import Sender
from tidegate.laws import LAWS, check
from tidegate.local_accounts import local_account
from tidegate.spec import words
from tidegate.web3_chain import Web3Chain, local_node

START = 1_800_000_000
BTC, ETH = "BTC-PERP", "ETH-PERP"


@pytest.fixture(
    params=[
        pytest.param(False, marks=[pytest.mark.anvil, pytest.mark.xdist_group("devnet")]),
        True,
    ],
    ids=["anvil", "embedded"],
)
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    with local_node(START, embedded=request.param, port=DEVNET_PORT, say=str) as chain:
        if request.param:
            deploy(chain).save(tmp_path)
        else:
            ape_deploy("ethereum:devnet:node", tmp_path)
        yield Deployment.load(chain, tmp_path)


class Life:
    """One exchange, its people and its keepers. Prices and amounts as Decimals."""

    def __init__(self, deployment: Deployment) -> None:
        self.chain: Web3Chain = deployment.chain  # type: ignore[assignment]
        self.venue = Venue.of(deployment)
        self.prices = {BTC: Decimal(60_000), ETH: Decimal(3_000)}
        self.journal = Journal(words.deficits(self.venue.core.address, COLLATERAL))
        self.journal.observe(history(self.chain, self.venue.contracts) or [])
        self.sender = Sender(self.chain, seen=self._seen)
        domain = Domain(self.chain.chain_id, self.venue.oracle.address)
        signers = [PriceSigner(local_account(f"signer {i}"), domain) for i in range(THRESHOLD)]
        address = self.chain.account("keeper")
        self.keepers = Keepers(self.venue, self.sender, self.journal, address, signers)
        self.slices = 0

    def _seen(self, outcome: Outcome) -> None:
        if outcome.receipt:
            self.journal.observe(outcome.receipt.events)
            self.slices += len(outcome.receipt.named("Sliced"))

    def do(self, *transactions: Transaction) -> None:
        """One after the other; all must succeed."""
        for transaction in transactions:
            self.sender.send_one(transaction)

    # People

    def fund(self, name: str, amount: Decimal | int) -> tuple[str, int]:
        """Who, and the account with this much in it."""
        venue, owner = self.venue, self.chain.account(name)
        account = words.account(owner)
        units = venue.tokens(Decimal(amount))
        self.do(Transaction(venue.token, "mint", (owner, units), owner), venue.approve(owner))
        self.do(venue.deposit(account, owner, Decimal(amount)))
        return owner, account

    def order(self, owner: str, size: str, reduce_only: bool = False) -> None:
        account, now = words.account(owner), self.chain.time()
        price = self.prices[BTC]
        order = self.venue.order(
            account, BTC, Decimal(size), price, now, reduce_only=reduce_only, lifetime=600
        )
        self.do(self.venue.place(order, owner))

    def tokens(self, owner: str) -> Decimal:
        return Decimal(self.venue.token.call("balanceOf", owner)) / 10**self.venue.token_decimals

    # Keepers

    def slot_in(self, seconds: int) -> int:
        """The first slot to open then or later."""
        return -(-(self.chain.time() + seconds) // self.venue.slot_seconds)

    def push(self, slot: int, **prices: str) -> None:
        """Walk the markets to new prices, due in `slot`, slicing on the way."""
        venue = self.venue
        self.prices.update({f"{name}-PERP": Decimal(price) for name, price in prices.items()})
        targets = []
        for name, price in self.prices.items():
            feed = venue.markets[name].feed
            last_slot, last_price = self.journal.last_push(feed)
            step = venue.max_steps[feed]
            targets.append(Target(feed, wad(price), slot, last_price, last_slot, step, step))
        for moment in price_pusher.decide(targets, venue.slot_seconds):
            self.chain.set_time(moment.slot * venue.slot_seconds)
            self.do(*self.keepers.push_calls(moment.pushes))
            # a price counts from the next second on
            self.chain.advance(1)
            self.liquidate()

    def liquidate(self) -> None:
        marks = {
            market.instrument: self.journal.last_push(market.feed)[1]
            for market in self.venue.markets.values()
        }
        while calls := self.keepers.liquidation_calls(marks, self.chain.time()):
            if not any(outcome.done for outcome in self.sender.send(calls)):
                return

    def execute(self) -> None:
        """Orders fill at the prices of the slots they wait for, and no better than by now."""
        venue = self.venue
        feed = venue.markets[BTC].feed
        for slot in self.journal.wanted_slots(feed):
            self.push(slot)
        # all that was sent meanwhile took its seconds: the open slot's price goes in just before
        slot = self.slot_in(1)
        self.chain.set_time(slot * venue.slot_seconds)
        push = Push(feed, slot, wad(self.prices[BTC]), slot * venue.slot_seconds)
        self.do(*self.keepers.push_calls([push]))
        self.do(*self.keepers.order_calls(self.chain.time()))
        assert not self.journal.orders

    def close_epoch(self) -> None:
        """Process the epoch that is open, and hand out what it priced."""
        left = self.venue.epoch_seconds - self.chain.time() % self.venue.epoch_seconds
        self.push(self.slot_in(left))
        for _ in ("process", "claim"):
            self.do(*self.keepers.vault_calls(self.chain.time(), fresh=True))
        assert not self.journal.requests


def test_everybody_trades_and_leaves(deployment: Deployment):
    life = Life(deployment)
    venue = life.venue
    keeper, keeper_account = life.fund("keeper", 100)
    provider, provider_account = life.fund("liquidity provider", 5_000_000)
    life.do(
        venue.permit_vault(provider),
        venue.request_deposit(provider_account, provider, Decimal(5_000_000)),
    )
    life.close_epoch()
    assert venue.vault.call("balanceOf", provider) == wad(5_000_000) - 1  # rounded down

    bull, bull_account = life.fund("bull", 20_000)
    bear, bear_account = life.fund("bear", 50_000)
    life.order(bull, "4")  # twelve times its deposit
    life.order(bear, "-3")
    life.execute()
    assert venue.size(bull_account, BTC) == 4
    assert venue.size(bear_account, BTC) == -3

    life.push(life.slot_in(60), BTC="56000", ETH="2900")
    assert life.slices > 0
    after = snapshots.account(venue, bull_account)
    assert 0 <= after.positions.get(BTC, 0) < 4
    assert after.equity >= after.maintenance
    # nobody else was in danger
    assert venue.size(bear_account, BTC) == -3

    life.order(bear, "3", reduce_only=True)
    if after.positions:
        life.order(bull, f"-{after.positions[BTC]}", reduce_only=True)
    life.execute()
    shares = venue.vault.call("balanceOf", provider)
    life.do(venue.request_redeem(provider_account, provider, shares))
    life.close_epoch()

    for owner, account in (
        (bear, bear_account),
        (bull, bull_account),
        (keeper, keeper_account),
        (provider, provider_account),
    ):
        left = snapshots.account(venue, account)
        assert not left.positions
        amount = left.cash.quantize(Decimal("0.000001"), "ROUND_DOWN")
        life.do(venue.withdraw(account, owner, amount))
        assert life.tokens(owner) == amount
    assert life.tokens(bear) > 50_000 + 3 * 3_500  # what the fall was worth, less fees
    assert life.tokens(bull) < 20_000 - 3 * 3_000
    assert life.tokens(keeper) > 100
    assert life.tokens(provider) > 5_000_000  # premium, fees and penalties

    events = history(life.chain, venue.contracts)
    assert check(read_books(venue, events)) == dict.fromkeys(LAWS, True)
