"""A deployed exchange made ready for a crash: depth, caps, a vault with money, prices.

Everything is deployed by the plan that deploys to any network; a setting differs from another by
parameters of that plan, or by what the keepers do, never by the code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tidegate.abi import Event
from tidegate.artifacts import artifact
from tidegate.chain import Chain, Contract, Receipt
from tidegate.client.calls import Transaction
from tidegate.client.price_message import Domain, PriceMessage, PriceSigner, quorum
from tidegate.client.units import wad
from tidegate.client.venue import FOREVER, MOVE, Venue
from tidegate.deployment import Deployment, DeploymentConfig, deploy, perpetual
from tidegate.keepers.actions import Push
from tidegate.local_accounts import local_account, local_address
from tidegate.spec import words
from tidegate.spec.breaker import Settings
from tidegate.spec.rounding import WAD

SLOT = 5  # seconds
EPOCH = 3600  # seconds, of the vault
LIQUIDITY = Decimal(12_000_000)
GUARANTY = Decimal(300_000)  # what members put into the guaranty fund
DELAY = 3600  # seconds, of the timelock
DEPTH = Decimal(250_000_000)  # of each market, collateral: where the premium would reach 100 %
SOFT = Decimal(8_000_000)  # most net position of the traders of a market
HARD = Decimal(12_000_000)  # most open interest of a side
# Stress of both hard caps is half of the vault's equity, as the caps' rule asks.
BANK = Decimal(100_000_000)  # pays every deposit
SIGNER = "signer 0"  # one is enough: the oracle's quorum is not what is compared
BREAKER_ROLE = 4  # at the clearing house
WARM_UP = 900  # seconds before the first bar in which positions are opened


@dataclass(frozen=True, slots=True)
class Terms:
    """What a setting changes of the deployment; as it stands, nothing dampens.

    Bucket as a share of a market's depth, its window in seconds: the widest and shortest there are.
    """

    crowding: str = "0"
    bucket: str = "1"
    bucket_window: int = 10
    breaker: Settings | None = None


def configuration(opening: Mapping[str, Decimal], terms: Terms) -> DeploymentConfig:
    """Markets as deep as the crowd is large, whatever the price."""
    markets = []
    for number, (name, price) in enumerate(opening.items(), start=1):
        depth, soft, hard = (
            str((amount / price).quantize(Decimal("0.001"))) for amount in (DEPTH, SOFT, HARD)
        )
        markets.append(
            perpetual(name, number, str(price), depth, soft, hard, crowding=terms.crowding)
        )
    return DeploymentConfig(
        signers=(local_address(SIGNER),),
        threshold=1,
        faulty=0,
        slot_seconds=SLOT,
        epoch_seconds=EPOCH,
        markets=tuple(markets),
        bucket=terms.bucket,
        bucket_window=terms.bucket_window,
        delay=DELAY,
    )


# Levels at moves of 2.5, 5, 8 and 15 % in five minutes; skew and liquidations per mille of depth.
BREAKER = Settings(
    price_1=25,
    price_2=50,
    price_3=80,
    price_4=150,
    skew_1=15,
    skew_2=30,
    liquidated_1=5,
    liquidated_2=10,
    liquidated_3=20,
    drawn_1=100,
    drawn_2=250,
    drawn_3=500,
    drawn_4=800,
    window=300,
    hold_1=5,
    hold_2=10,
    hold_3=15,
    hold_4=6,
    longest_halt=10,
    outage=5,
    grace=4,
)


def guard(deployment: Deployment, terms: Terms) -> Contract:
    """The circuit breaker, and the fund for the liquidator, made known by the timelock: what of it
    the plan of a deployment does not do yet.

    Without settings the breaker measures nothing and can set no level.
    """
    chain, timelock = deployment.chain, deployment.timelock
    core, configurator, fund = deployment.core, deployment.configurator, deployment.fund
    breaker = deployment.contracts.get("CircuitBreaker") or chain.deploy(
        artifact("CircuitBreaker"),
        timelock.address,
        configurator.address,
        core.address,
        deployment.oracle.address,
        deployment.liquidator.address,
        fund.address,
    )
    calls = [(configurator, "set_venue", (core.address, breaker.address, BREAKER_ROLE))]
    if not int(deployment.liquidator.call("fund"), 16):
        calls.append((deployment.liquidator, "set_fund", (fund.address,)))
    if terms.breaker:
        word = terms.breaker.pack()
        calls += [
            (breaker, "set_settings", (instrument, word))
            for instrument in deployment.markets.values()
        ]
    targets = [contract.address for contract, _, _ in calls]
    payloads = [contract.encode(name, *args) for contract, name, args in calls]
    batch = (targets, [0] * len(targets), payloads, bytes(32), bytes(32))
    governor = chain.account("governor")
    timelock.transact("schedule_batch", *batch, DELAY, sender=governor)
    chain.set_time(chain.time() + DELAY)
    timelock.transact("execute_batch", *batch, sender=governor)
    return breaker


class Prices:
    """Signs and pushes one slot after the other."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.signer = PriceSigner(
            local_account(SIGNER), Domain(venue.chain.chain_id, venue.oracle.address)
        )

    def calls(self, time: int, prices: Mapping[str, int]) -> list[Transaction]:
        """Of the slot that opens at `time`; prices in 1e-18."""
        slot, late = divmod(time, SLOT)
        if late:
            raise ValueError(f"no slot opens at {time}")
        made = []
        for name, price in prices.items():
            feed = self.venue.markets[name].feed
            made.append(self.push(Push(feed, slot, price, time)))
        return made

    def push(self, push: Push) -> Transaction:
        message = PriceMessage(push.feed, push.slot, push.price, push.published)
        args = (push.feed, push.slot, push.price, push.published, quorum([self.signer], message))
        sender = self.venue.chain.account("keeper")
        return Transaction(self.venue.oracle, "push", args, sender, "oracle_push", push)


def must(chain: Chain, transactions: Sequence[Transaction]) -> list[Receipt]:
    """Set-up: everything has to succeed."""
    receipts = []
    for outcome in chain.send_all([transaction.call for transaction in transactions]):
        if not isinstance(outcome, Receipt):
            raise outcome
        receipts.append(outcome)
    return receipts


@dataclass
class Ready:
    """A deployed exchange with a funded vault, the clock before the first bar."""

    deployment: Deployment
    breaker: Contract
    terms: Terms
    bank: str
    provider: str
    opens: int  # when the crowd may begin to open
    opening: dict[str, Decimal]
    events: list[Event]  # since the first deposit

    def venue(self) -> Venue:
        """As a client sees it that has sent nothing yet."""
        return Venue.of(self.deployment)


def genesis(first: int) -> int:
    """When a chain must begin for bars from `first` on."""
    return first - first % EPOCH - 3 * EPOCH


def prepare(chain: Chain, opening: Mapping[str, Decimal], first: int, terms: Terms) -> Ready:
    """Deploy and let the provider in; `first` is the time of the first bar."""
    deployment = deploy(chain, configuration(opening, terms))
    venue = Venue.of(deployment)
    breaker, fund = guard(deployment, terms), deployment.fund
    bank, provider = chain.account("bank"), chain.account("provider")
    member = chain.account("member")
    own = words.account(provider)
    done = must(
        chain,
        [
            Transaction(venue.token, "mint", (bank, venue.tokens(BANK)), bank),
            venue.approve(bank),
            venue.deposit(own, bank, LIQUIDITY),
            venue.permit_vault(provider),
            venue.request_deposit(own, provider, LIQUIDITY),
            venue.deposit(words.account(member), bank, GUARANTY),
            Transaction(venue.core, "set_delegate", (fund.address, MOVE, FOREVER), member),
            Transaction(fund, "contribute", (words.account(member), wad(GUARANTY), 0), member),
        ],
    )
    epoch = chain.time() // EPOCH
    opens = first - WARM_UP
    opens -= opens % SLOT
    if opens < (epoch + 1) * EPOCH:
        raise ValueError("the chain began too late for the vault's epoch")
    feed = Prices(venue)
    prices = {name: int(price * WAD) for name, price in opening.items()}
    chain.set_time(opens)
    done += must(chain, feed.calls(opens, prices))
    chain.set_time(opens + 1)
    keeper = chain.account("keeper")
    done += must(
        chain,
        [
            Transaction(venue.vault, "process_epoch", (epoch,), keeper),
            Transaction(venue.vault, "claim", (own,), keeper),
        ],
    )
    events = [event for receipt in done for event in receipt.events]
    return Ready(deployment, breaker, terms, bank, provider, opens, dict(opening), events)
