"""The deployed contracts and their twins, driven together and compared word by word."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from tests.stateful.readers import readers
from tests.stateful.step import Called, Mismatch, Step, Watcher
from tests.stateful.sums import Sums
from tests.stateful.token import Token
from tests.stateful.world import (
    BUCKET,
    EPOCH,
    HIGHEST_PRICE,
    LAPSE_RATIO,
    MAX_AGE,
    MAX_STEP,
    MIN_KEEPER_FEE,
    NEVER,
    ORDINARY,
    OUTFLOW_SHARE,
    OUTFLOW_WINDOW,
    QUOTE,
    REWARD_WINDOW,
    SLOT,
    STRESS_SHARE,
    T2,
    WINDOW,
    World,
)
from tidegate.artifacts import Artifact, artifacts
from tidegate.chain import Contract, Receipt
from tidegate.client.errors import UNKNOWN, ProtocolError, name_of
from tidegate.client.orders import Domain as OrderDomain
from tidegate.client.orders import Order
from tidegate.client.price_message import Domain, PriceMessage
from tidegate.local_accounts import local_account, local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec import words
from tidegate.spec.clearing import (
    BREAKER,
    COLLATERAL,
    LIQUIDATION,
    TRADING,
    ClearingHouse,
    Venue,
)
from tidegate.spec.exchange import Exchange
from tidegate.spec.host import Host, Table
from tidegate.spec.liquidator import Liquidator
from tidegate.spec.oracle import PriceOracle
from tidegate.spec.vault import LiquidityVault
from tidegate.spec.words import Asset

CONTRACTS = (
    "PriceOracle",
    "SharedLosses",
    "ClearingHouse",
    "LiquidityVault",
    "Exchange",
    "Liquidator",
    "FaucetToken",
)


@cache
def compiled() -> dict[str, Artifact]:
    """Once: sources that change during a run would part from the specification in memory."""
    return artifacts(CONTRACTS)


def number(address: str) -> int:
    return int(address, 16)


class System:
    """Both sides. Calls go to `both`; what they touched is compared at once."""

    def __init__(
        self, world: World = ORDINARY, faulty: Mapping[str, Artifact] | None = None
    ) -> None:
        """`faulty`: contracts in the place of those compiled from the sources."""
        code = {**compiled(), **(faulty or {})}
        self.world = world
        self.chain = RevmChain(timestamp=1_700_000_400)  # an epoch's start
        self.host = Host(self.chain.time())
        chain, host = self.chain, self.host
        self.names: dict[int, str] = {}
        self.owner = self.actor("owner")
        self.venue = self.actor("trading venue")
        self.last_venue = self.actor("paused venue")  # may never open
        self.liquidator = self.actor("liquidation venue")
        self.braker = self.actor("braking venue")
        self.keeper = self.actor("keeper")
        self.stranger = self.actor("stranger")

        signers = [local_account(f"signer {i}") for i in range(3)]
        addresses = sorted((signer.address for signer in signers), key=number)
        owner = self.names[self.owner]
        oracle = chain.deploy(code["PriceOracle"], owner, SLOT, addresses, 2, 0)
        losses = chain.deploy(code["SharedLosses"])
        core = chain.deploy(code["ClearingHouse"], oracle.address, owner, losses.address)
        vault = chain.deploy(
            code["LiquidityVault"], core.address, oracle.address, owner, EPOCH, STRESS_SHARE
        )
        trio = core.address, oracle.address, vault.address
        exchange, successor = (
            chain.deploy(code["Exchange"], *trio, WINDOW, MIN_KEEPER_FEE, LAPSE_RATIO)
            for _ in range(2)
        )
        slicer = chain.deploy(code["Liquidator"], *trio, owner, REWARD_WINDOW, *BUCKET, T2, 0)
        token = chain.deploy(code["FaucetToken"], "Test dollar", "TUSD", 6)
        self.contracts: dict[str, Contract] = {
            "oracle": oracle,
            "core": core,
            "vault": vault,
            "exchange": exchange,
            "successor": successor,
            "slicer": slicer,
            "token": token,
            "losses": losses,
        }
        for contract in self.contracts.values():
            self.names[number(contract.address)] = contract.address
        self.core_at, self.vault_at = number(core.address), number(vault.address)
        self.price_domain = Domain(chain.chain_id, oracle.address)
        self.signers = sorted(signers[:2], key=lambda signer: number(signer.address))
        self.signed_by = [signer.address for signer in self.signers]

        self.oracle = PriceOracle(SLOT, frozenset(addresses), 2, 0)
        self.token = Token(host)
        self.core = ClearingHouse(host, self.core_at, self.oracle, lambda _: self.token, self.owner)
        self.vault = LiquidityVault(
            host, self.vault_at, self.core, self.oracle, self.owner, EPOCH, STRESS_SHARE
        )
        three = self.core, self.oracle, self.vault
        self.exchange, self.successor = (
            Exchange(host, number(at.address), *three, WINDOW, MIN_KEEPER_FEE, LAPSE_RATIO)
            for at in (exchange, successor)
        )
        self.slicer = Liquidator(
            host, number(slicer.address), *three, self.owner, REWARD_WINDOW, *BUCKET, T2
        )
        self.order_domains = {
            name: OrderDomain(chain.chain_id, self.contracts[name].address)
            for name in ("exchange", "successor")
        }
        self.settlements: Counter[int] = Counter()  # by instrument
        self.last_error = ""
        self.hashes: dict[tuple[str, Order], bytes] = {}
        self.donations = 0
        self.corner = False  # the call at hand may overflow
        self.sums = Sums(self.core.backstop)
        self.watcher = Watcher()
        self.readers = readers(self)
        self._list_markets()

    # Setting up

    def actor(self, name: str) -> int:
        """The address of a role, as the twins know it."""
        address = local_address(name)
        self.names[number(address)] = address
        return number(address)

    def _list_markets(self) -> None:
        token = number(self.contracts["token"].address)
        asset = Asset(20_000, OUTFLOW_SHARE, OUTFLOW_WINDOW, 6, token)
        for feed in self.world.prices:
            self.oracle.set_feed(feed, MAX_AGE, MAX_STEP)
            self.contracts["oracle"].transact(
                "set_feed", feed, MAX_AGE, MAX_STEP, sender=self.names[self.owner]
            )
        self.must("core", "add_asset", COLLATERAL, asset, self.vault_at, sender=self.owner)
        self.push_prices(dict(self.world.prices))
        self.wait(1)
        for instrument, terms in self.world.terms.items():
            self.must("core", "set_terms", instrument, *terms, sender=self.owner)
            self.must("vault", "set_quote", instrument, QUOTE, sender=self.owner)
        roles = {
            self.venue: TRADING,
            self.liquidator: LIQUIDATION,
            self.exchange.address: TRADING,
            self.last_venue: TRADING,
            self.slicer.address: LIQUIDATION,
            self.braker: BREAKER,
        }
        for venue, role in roles.items():
            paused = NEVER if venue == self.last_venue else 0
            terms = Venue(paused_until=paused, role=role)
            self.must("core", "set_venue", venue, terms, sender=self.owner)

    def fund(self, actor: int, tokens: int) -> None:
        """Tokens in an actor's hands, ready to be deposited."""
        self.token.balances[actor] += tokens
        token = self.contracts["token"]
        token.transact("mint", self.names[actor], tokens)
        token.transact(
            "approve", self.contracts["core"].address, 2**256 - 1, sender=self.names[actor]
        )

    # Time and prices

    def wait(self, seconds: int) -> None:
        self.chain.advance(seconds)
        self.host.now = self.chain.time()

    def push_prices(self, prices: dict[int, int]) -> None:
        """At the opening of the next slot."""
        slot = self.host.now // SLOT + 1
        self.wait(slot * SLOT - self.host.now)
        for feed, price in prices.items():
            self.push(feed, slot, price, self.host.now)

    def push(self, feed: int, slot: int, price: int, published: int) -> bool:
        """One signed message, to both; whether it was taken."""
        price = min(price, HIGHEST_PRICE)
        message = PriceMessage(feed, slot, price, published)
        signable = self.price_domain.signable(message)
        signatures = b"".join(bytes(s.sign_message(signable).signature) for s in self.signers)
        return self.compare(
            lambda: self.oracle.push(feed, slot, price, published, self.signed_by, self.host.now),
            lambda: self.contracts["oracle"].transact(
                "push", feed, slot, price, published, signatures
            ),
            Called("oracle", "push", (feed, slot, price, published), self.keeper),
            lambda: self._compare_feed(feed),
        )

    def _compare_feed(self, feed: int) -> None:
        word = self.contracts["oracle"].call("latest_word", feed)
        self.equal(word, self.oracle.feeds[feed].word(), f"feed {feed}")

    def mark(self, instrument: int) -> int:
        return self.core.mark(instrument)[0]

    # Calls

    def must(self, contract: str, function: str, *args: Any, sender: int) -> None:
        if not self.both(contract, function, *args, sender=sender):
            raise Mismatch(f"{function} was refused: {self.last_error}")

    def both(self, contract: str, function: str, *args: Any, sender: int) -> bool:
        """One call to the twin and to the bytecode; whether both accepted it."""
        twin, deployed = getattr(self, contract), self.contracts[contract]
        wants_sender = "sender" in getattr(twin, function).__code__.co_varnames
        kwargs = {"sender": sender} if wants_sender else {}
        return self.compare(
            lambda: getattr(twin, function)(*args, **kwargs),
            lambda: deployed.transact(function, *self.encoded(args), sender=self.names[sender]),
            Called(contract, function, args, sender),
        )

    def donate(self, sender: int, tokens: int) -> bool:
        """Tokens sent to the core without a deposit."""
        self.donations += tokens * 10**12
        return self.compare(
            lambda: self.token.transfer(sender, self.core_at, tokens),
            lambda: self.contracts["token"].transact(
                "transfer", self.names[self.core_at], tokens, sender=self.names[sender]
            ),
            Called("token", "transfer", (self.core_at, tokens), sender),
        )

    def execute_many(self, orders: list[Order], keeper: int) -> list[str]:
        """A batch of the exchange; the reasons, the same on both sides."""
        exchange = self.contracts["exchange"]
        reasons: list[list[str]] = []

        def bytecode() -> Receipt:
            receipt = exchange.transact(
                "execute_many", orders, keeper, sender=self.names[self.keeper]
            )
            reasons.append([name_of(r) if any(r) else "" for r in receipt.returned])
            return receipt

        self.compare(
            lambda: reasons.append(self.exchange.execute_many(orders, keeper)),
            bytecode,
            Called("exchange", "execute_many", (orders, keeper), self.keeper),
        )
        self.equal(reasons[1], reasons[0], "reasons of a batch")
        return reasons[0]

    def encoded(self, args: Sequence[Any]) -> list:
        """The twin's arguments as the ABI takes them."""
        out: list = []
        for arg in args:
            if isinstance(arg, words.Word):
                out.append(arg.pack())
            elif isinstance(arg, int) and not isinstance(arg, bool) and arg in self.names:
                out.append(self.names[arg])
            else:
                out.append(arg)
        return out

    def compare(
        self,
        twin: Callable[[], Any],
        bytecode: Callable[[], Any],
        called: Called,
        then: Callable[[], None] = lambda: None,
    ) -> bool:
        """Accept or reject, the error's name, every word that the twin wrote; then the watcher."""
        self.host.touched.clear()
        self.sums.old.clear()
        self.watcher.before(called)
        step = Step(called, self.host.now)
        refusal = ""
        try:
            twin()
        except ProtocolError as error:
            refusal = error.name
        except OverflowError:
            refusal = UNKNOWN
        try:
            step.receipts.append(bytecode())
        except ProtocolError as error:
            step.refusal = error.name
        self.last_error = step.refusal
        # at the corners the twin may miss a width before the bytecode names a bound
        wide = self.corner and refusal == UNKNOWN and step.refusal != ""
        if refusal != step.refusal and not wide:
            raise Mismatch(
                f"{called.function}: specification {refusal or 'done'}, "
                f"bytecode {step.refusal or 'done'}"
            )
        self.compare_words(refusal == "")
        then()
        step.old = self.sums.old
        self.watcher.after(step)
        return refusal == ""

    def order_hash(self, order: Order, exchange: str = "exchange") -> bytes:
        if (exchange, order) not in self.hashes:
            self.hashes[exchange, order] = self.order_domains[exchange].hash(order)
        return self.hashes[exchange, order]

    # Comparing

    def equal(self, bytecode: Any, specification: Any, what: str) -> None:
        if bytecode != specification:
            raise Mismatch(f"{what}: bytecode {bytecode}, specification {specification}")

    def compare_words(self, accepted: bool) -> None:
        """What the last call touched, or would have."""
        seen = set()
        for table, key in self.host.touched:
            if (id(table), key) in seen:
                continue
            seen.add((id(table), key))
            reader = self.readers.get(id(table))
            if reader:
                reader(key)
        if accepted:
            settled = (key[1] for table, key in self.host.touched if table is self.core.positions)
            self.settlements.update(settled)

    def compare_everything(self) -> None:
        """Every word that the twins know, whoever touched it last; the sums from nothing."""
        running, self.sums = self.sums, Sums(self.core.backstop)
        for name in ("ends", "crumbs", "astray"):  # of events
            setattr(self.sums, name, getattr(running, name))
        tables = [
            value
            for twin in (
                *(self.core, self.core.losses, self.vault),
                *(self.exchange, self.successor, self.slicer),
            )
            for value in vars(twin).values()
        ]
        for table in [*tables, self.token.balances]:
            if isinstance(table, Table) and id(table) in self.readers:
                for key in list(table):
                    self.readers[id(table)](key)
        for name in ("cash", "positions", "open", "traders", "charged"):
            self.equal(getattr(self.sums, name), getattr(running, name), f"sum of {name}")

    def compare_health(self, account: int) -> tuple[int, int, int, int]:
        """Equity, initial, maintenance and notional of an account, as the bytecode has them."""
        health = tuple(self.contracts["core"].call("health", account))
        self.equal(health, self.core.health(account), f"health of {account:#x}")
        return health

    def compare_equity(self) -> tuple[int, int]:
        """Equity and present stress of the vault, as the bytecode has them."""
        vault = self.contracts["vault"]
        equity, stress = vault.call("equity"), tuple(vault.call("stress"))
        self.equal(equity, self.vault.equity(), "equity of the vault")
        self.equal(stress, self.vault.stress(), "stress of the vault")
        return equity, stress[0]

    def compare_slice(self, account: int, instrument: int) -> None:
        """What the liquidator would take now."""
        part = self.slicer.slice_of(account, instrument)
        value = tuple(self.contracts["slicer"].call("slice_of", account, instrument))
        self.equal(value, (part.size, part.price, part.penalty, part.reward), "slice_of")
