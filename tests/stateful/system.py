"""The deployed contracts and their twins, driven together and compared word by word."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from tidegate.artifacts import artifacts
from tidegate.chain import Contract
from tidegate.client.errors import UNKNOWN, ProtocolError, name_of
from tidegate.client.orders import Domain as OrderDomain
from tidegate.client.orders import Order
from tidegate.client.price_message import Domain, PriceMessage
from tidegate.local_accounts import local_account, local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec import words
from tidegate.spec.clearing import (
    COLLATERAL,
    LIQUIDATION,
    TRADING,
    ClearingHouse,
    Fill,
    Venue,
    names_pool,
)
from tidegate.spec.exchange import Exchange
from tidegate.spec.host import Host, Table
from tidegate.spec.liquidator import Liquidator
from tidegate.spec.oracle import PriceOracle
from tidegate.spec.rounding import WAD
from tidegate.spec.vault import LiquidityVault, Quote
from tidegate.spec.words import Asset, Limits, Risk, Trade

SLOT = 4
EPOCH = 600
UNIT = 10**12  # the token has 6 decimals
BTC = words.instrument_id(1)
BTC_SMALL = words.instrument_id(1, 1)  # a second instrument of one underlying: hedges net
ETH = words.instrument_id(2)
INSTRUMENTS = (BTC, BTC_SMALL, ETH)
PRICES = {1: 60_000 * WAD, 2: 2_500 * WAD}
STRESS_SHARE = 800_000
MAX_AGE = 120
MAX_STEP = 100_000  # ppm a slot
WINDOW = 30
MIN_KEEPER_FEE = WAD // 2
LAPSE_RATIO = 500  # ppm
REWARD_WINDOW = 60
CONTRACTS = (
    "PriceOracle",
    "ClearingHouse",
    "LiquidityVault",
    "Exchange",
    "Liquidator",
    "FaucetToken",
)

LIMITS = Limits.human(
    reward=5,
    stress="0.25",
    buffer="0.2",
    max_cost="0.025",
    penalty="0.0075",
    max_half_spread="0.002",
    max_premium="0.01",
)
QUOTE = Quote.human(
    volatility_share="0.2", half_spread="0.0005", max_half_spread="0.002", max_premium="0.01"
)


def risk(scale: int) -> Risk:
    """K in units."""
    return Risk.human(
        kind=1,
        initial_shock="0.05",
        maintenance_shock="0.03",
        contingency="0.005",
        size_slope="0.01",
        scale=scale,
        max_velocity="0.30",
        max_rate="0.10",
        half_life=8 * 3600,
        calm_skew="0.01",
    )


def trade(soft: int, hard: int) -> Trade:
    return Trade.human(
        taker_fee="0.0005",
        insurance_share="0.2",
        band="0.03",
        crowding="0.02",
        minimum=100,
        soft=soft,
        hard=hard,
    )


TERMS = {
    BTC: (risk(2_000), trade(60, 120), LIMITS),
    BTC_SMALL: (risk(500), trade(20, 40), LIMITS),
    ETH: (risk(40_000), trade(1_500, 3_000), LIMITS),
}


class Token:
    """The faucet token's twin."""

    def __init__(self, host: Host) -> None:
        self.balances: Table[int, int] = Table(host, 0)

    def balance_of(self, holder: int) -> int:
        return self.balances[holder]

    def transfer_from(self, payer: int, receiver: int, amount: int) -> None:
        self.transfer(payer, receiver, amount)

    def transfer(self, sender: int, receiver: int, amount: int) -> None:
        if self.balances[sender] < amount:
            raise ProtocolError("erc20: transfer amount exceeds balance")
        self.balances[sender] -= amount
        self.balances[receiver] += amount


class Mismatch(AssertionError):
    """The bytecode and the specification disagree."""


def number(address: str) -> int:
    return int(address, 16)


class System:
    """Both sides. Calls go to `both`; what they touched is compared at once."""

    def __init__(self) -> None:
        code = artifacts(CONTRACTS)
        self.chain = RevmChain(timestamp=1_700_000_400)  # an epoch's start
        self.host = Host(self.chain.time())
        chain, host = self.chain, self.host
        self.names: dict[int, str] = {}
        self.owner = self.actor("owner")
        self.venue = self.actor("trading venue")
        self.liquidator = self.actor("liquidation venue")
        self.keeper = self.actor("keeper")

        signers = [local_account(f"signer {i}") for i in range(3)]
        addresses = sorted((signer.address for signer in signers), key=number)
        owner = self.names[self.owner]
        oracle = chain.deploy(code["PriceOracle"], owner, SLOT, addresses, 2, 0)
        core = chain.deploy(code["ClearingHouse"], oracle.address, owner)
        vault = chain.deploy(
            code["LiquidityVault"], core.address, oracle.address, owner, EPOCH, STRESS_SHARE
        )
        trio = core.address, oracle.address, vault.address
        exchange = chain.deploy(code["Exchange"], *trio, WINDOW, MIN_KEEPER_FEE, LAPSE_RATIO)
        slicer = chain.deploy(code["Liquidator"], *trio, REWARD_WINDOW)
        token = chain.deploy(code["FaucetToken"], "Test dollar", "TUSD", 6)
        self.contracts: dict[str, Contract] = {
            "oracle": oracle,
            "core": core,
            "vault": vault,
            "exchange": exchange,
            "slicer": slicer,
            "token": token,
        }
        for name, contract in self.contracts.items():
            self.names[number(contract.address)] = contract.address
            setattr(self, f"{name}_at", number(contract.address))
        self.price_domain = Domain(chain.chain_id, oracle.address)
        self.signers = sorted(signers[:2], key=lambda signer: number(signer.address))
        self.signed_by = [signer.address for signer in self.signers]

        self.oracle = PriceOracle(SLOT, frozenset(addresses), 2, 0)
        self.token = Token(host)
        self.core = ClearingHouse(
            host, number(core.address), self.oracle, lambda _: self.token, self.owner
        )
        self.vault = LiquidityVault(
            host, number(vault.address), self.core, self.oracle, self.owner, EPOCH, STRESS_SHARE
        )
        three = self.core, self.oracle, self.vault
        self.exchange = Exchange(
            host, number(exchange.address), *three, WINDOW, MIN_KEEPER_FEE, LAPSE_RATIO
        )
        self.slicer = Liquidator(host, number(slicer.address), *three, REWARD_WINDOW)
        self.order_domain = OrderDomain(chain.chain_id, exchange.address)
        self.settlements: Counter[int] = Counter()  # by instrument
        self.last_error = ""
        self.hashes: dict[Order, bytes] = {}
        self.donations = 0
        self.sums = Sums()
        self.getters = self._getters()
        self._list_markets()

    # Setting up

    def actor(self, name: str) -> int:
        """The address of a role, as the twins know it."""
        address = local_address(name)
        self.names[number(address)] = address
        return number(address)

    def _list_markets(self) -> None:
        token = number(self.contracts["token"].address)
        asset = Asset.human(escrow=200, share="0.05", window=1800, token_decimals=6, token=token)
        for feed in PRICES:
            self.oracle.set_feed(feed, MAX_AGE, MAX_STEP)
            self.contracts["oracle"].transact(
                "set_feed", feed, MAX_AGE, MAX_STEP, sender=self.names[self.owner]
            )
        vault = number(self.contracts["vault"].address)
        self.must("core", "add_asset", COLLATERAL, asset, vault, sender=self.owner)
        self.push_prices(dict(PRICES))
        self.wait(1)
        for instrument, terms in TERMS.items():
            self.must("core", "set_terms", instrument, *terms, sender=self.owner)
            self.must("vault", "set_quote", instrument, QUOTE, sender=self.owner)
        roles = {
            self.venue: TRADING,
            self.liquidator: LIQUIDATION,
            self.exchange.address: TRADING,
            self.slicer.address: LIQUIDATION,
        }
        for venue, role in roles.items():
            self.must("core", "set_venue", venue, Venue(role=role), sender=self.owner)

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
        message = PriceMessage(feed, slot, price, published)
        signable = self.price_domain.signable(message)
        signatures = b"".join(bytes(s.sign_message(signable).signature) for s in self.signers)
        return self.compare(
            lambda: self.oracle.push(feed, slot, price, published, self.signed_by, self.host.now),
            lambda: self.contracts["oracle"].transact(
                "push", feed, slot, price, published, signatures
            ),
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
        )

    def encoded(self, args: tuple) -> list:
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
        then: Callable[[], None] = lambda: None,
    ) -> bool:
        """Accept or reject, the error's name, then every word that the twin wrote."""
        self.host.touched.clear()
        refusal = ""
        try:
            twin()
        except ProtocolError as error:
            refusal = error.name
        except OverflowError:
            refusal = UNKNOWN
        try:
            bytecode()
            answer = ""
        except ProtocolError as error:
            answer = error.name
        self.last_error = answer
        if refusal != answer:
            raise Mismatch(f"specification: {refusal or 'done'}, bytecode: {answer or 'done'}")
        self.compare_words(refusal == "")
        then()
        return refusal == ""

    def order_hash(self, order: Order) -> bytes:
        if order not in self.hashes:
            self.hashes[order] = self.order_domain.hash(order)
        return self.hashes[order]

    def execute_many(self, orders: list[Order], keeper: int) -> list[str]:
        """A batch of the exchange; the reasons, the same on both sides."""
        exchange = self.contracts["exchange"]
        reasons: list[list[str]] = []

        def bytecode() -> None:
            receipt = exchange.transact(
                "execute_many", orders, keeper, sender=self.names[self.keeper]
            )
            reasons.append([name_of(r) if any(r) else "" for r in receipt.returned])

        self.compare(lambda: reasons.append(self.exchange.execute_many(orders, keeper)), bytecode)
        self.equal(reasons[1], reasons[0], "reasons of a batch")
        return reasons[0]

    def compare_slice(self, account: int, instrument: int) -> None:
        """What the liquidator would take now."""
        part = self.slicer.slice_of(account, instrument)
        value = tuple(self.contracts["slicer"].call("slice_of", account, instrument))
        self.equal(value, (part.size, part.price, part.penalty, part.reward), "slice_of")

    def equal(self, bytecode: Any, specification: Any, what: str) -> None:
        if bytecode != specification:
            raise Mismatch(f"{what}: bytecode {bytecode}, specification {specification}")

    def compare_words(self, accepted: bool) -> None:
        seen = set()
        for table, key in self.host.touched:
            if (id(table), key) in seen:
                continue
            seen.add((id(table), key))
            getter = self.getters.get(id(table))
            if getter:
                getter(key)
        if accepted:
            settled = (key[1] for table, key in self.host.touched if table is self.core.positions)
            self.settlements.update(settled)
            self.check_laws()

    def _getters(self) -> dict[int, Callable[[Any], None]]:
        """How each table of the twins is read from the bytecode, by the table's identity."""
        core, vault = self.contracts["core"], self.contracts["vault"]
        twin, pool = self.core, self.vault

        def word(name: str, table: Table, *wrap: int) -> Callable[[Any], None]:
            def check(key: Any) -> None:
                args = key if isinstance(key, tuple) else (key,)
                value = core.call(name, *self.encoded(args) if wrap else args)
                record = table[key]
                self.equal(value, record.pack() if record else 0, f"{name} {args}")
                self.sums.note(name, args, value)

            return check

        def held(account: int) -> None:
            value = core.call("account_word", account)
            record = words.account_word(list(twin.held[account]), value & 1)
            self.equal(value, record, f"account_word {account:#x}")

        def outflow(asset: int) -> None:
            left, then = twin.outflow[asset]
            self.equal(core.call("outflow_word", asset), left << 40 | then, "outflow_word")

        def venue(address: int) -> None:
            value = core.call("venue_word", self.names[address])
            self.equal(value, twin.venues[address].pack(), "venue_word")

        def balance(holder: int) -> None:
            value = self.contracts["token"].call("balanceOf", self.names[holder])
            self.equal(value, self.token.balances[holder], "token balance")

        def shares(holder: int) -> None:
            value = vault.call("balanceOf", self.names[holder])
            self.equal(value, pool.shares[holder], "shares")

        def supply(_: str) -> None:
            self.equal(vault.call("totalSupply"), pool.supply["all"], "supply of shares")

        def request(account: int) -> None:
            record = pool.requests[account]
            self.equal(vault.call("request_word", account), request_word(record), "request_word")

        def settled(epoch: int) -> None:
            record = pool.settled[epoch]
            value = record.price << 70 | record.filled << 40 | record.time
            value |= record.principal << 230
            self.equal(vault.call("epoch_word", epoch), value, "epoch_word")

        def waiting(epoch: int) -> None:
            record = pool.waiting[epoch]
            value = record.redemptions << 152 | record.deposits << 48
            value |= len(record.redeeming) << 40 | len(record.depositing) << 32 | record.previous
            self.equal(vault.call("waiting_word", epoch), value, "waiting_word")

        def queue(_: Any) -> None:
            value = sum(pool.rings[ring] << 32 * (ring + 1) for ring in range(4))
            self.equal(vault.call("queue_word"), value | pool.newest["all"], "queue_word")

        def order(key: tuple[int, int]) -> None:
            placed = self.exchange.orders[key]
            high = int.from_bytes(self.order_hash(placed.order), "big") >> 96
            record = high << 96 | placed.lapse_fee << 40 | placed.slot << 8 | placed.state
            value = self.contracts["exchange"].call("order_word", *key)
            self.equal(value, record, "order_word")

        def last_reward(account: int) -> None:
            value = self.contracts["slicer"].call("last_reward", account)
            self.equal(value, self.slicer.last_reward[account], "last_reward")

        return {
            id(self.exchange.orders): order,
            id(self.slicer.last_reward): last_reward,
            id(twin.cash): word("cash_word", twin.cash),
            id(twin.positions): word("position_word", twin.positions),
            id(twin.indices): word("indices_word", twin.indices),
            id(twin.interest): word("interest_word", twin.interest),
            id(twin.carry): word("carry_word", twin.carry),
            id(twin.risk): word("risk_word", twin.risk),
            id(twin.trade): word("trade_word", twin.trade),
            id(twin.limits): word("limits_word", twin.limits),
            id(twin.held): held,
            id(twin.outflow): outflow,
            id(twin.venues): venue,
            id(self.token.balances): balance,
            id(pool.shares): shares,
            id(pool.supply): supply,
            id(pool.requests): request,
            id(pool.settled): settled,
            id(pool.waiting): waiting,
            id(pool.newest): queue,
            id(pool.rings): queue,
        }

    # The laws, on the bytecode's words

    def check_laws(self) -> None:
        """L1, L2, L3 from the words that the bytecode holds, kept as running sums."""
        for instrument in INSTRUMENTS:
            sums = self.sums
            self.equal(sums.positions[instrument], 0, f"L1 of {instrument}")
            due = sums.exact_pot(instrument)
            if not 0 <= due <= self.settlements[instrument] * 10**27:
                raise Mismatch(f"L3 of {instrument}: the pot is {due}e-45 off")
            interest = words.Interest.unpack(sums.words.get(("interest_word", (instrument,)), 0))
            self.equal(interest.long_side, sums.traders[instrument, True], "long side")
            self.equal(interest.short_side, -sums.traders[instrument, False], "short side")
            if abs(interest.skew) > TERMS[instrument][1].hard_cap:
                raise Mismatch(f"the vault holds {interest.skew} of {instrument}")
        core = self.contracts["core"].address
        held = self.contracts["token"].call("balanceOf", core) * UNIT
        self.equal(self.sums.cash + self.donations, held, "L2")

    def compare_health(self, account: int) -> None:
        """Equity and requirements of an account."""
        try:
            specification: Any = self.core.health(account)
        except ProtocolError as error:
            specification = error.name
        try:
            bytecode: Any = tuple(self.contracts["core"].call("health", account))
        except ProtocolError as error:
            bytecode = error.name
        self.equal(bytecode, specification, f"health of {account:#x}")

    def compare_equity(self) -> None:
        """The vault's."""
        vault = self.contracts["vault"]
        self.equal(vault.call("equity"), self.vault.equity(), "equity of the vault")
        self.equal(tuple(vault.call("stress")), self.vault.stress(), "stress of the vault")

    def compare_everything(self) -> None:
        """Every word that the twins know, whoever touched it last; the sums from nothing."""
        running, self.sums = self.sums, Sums()
        tables = [
            value
            for twin in (self.core, self.vault, self.exchange, self.slicer)
            for value in vars(twin).values()
        ]
        for table in [*tables, self.token.balances]:
            if isinstance(table, Table) and id(table) in self.getters:
                for key in list(table):
                    self.getters[id(table)](key)
        for name in ("cash", "positions", "open", "traders", "charged"):
            self.equal(getattr(self.sums, name), getattr(running, name), f"sum of {name}")
        self.check_laws()


class Sums:
    """Running totals over the words read from the bytecode."""

    def __init__(self) -> None:
        self.words: dict[tuple, int] = {}
        self.cash = 0  # accounts and pots, 1e-18
        self.positions: Counter[int] = Counter()
        self.open: Counter[tuple[int, bool]] = Counter()  # sizes by instrument and side
        self.traders: Counter[tuple[int, bool]] = Counter()  # the same without pools
        self.charged: Counter[int] = Counter()  # size * checkpoint

    def note(self, name: str, args: tuple, value: int) -> None:
        old = self.words.get((name, args), 0)
        self.words[name, args] = value
        for word, sign in ((old, -1), (value, 1)):
            if name == "cash_word":
                self.cash += sign * words.Cash.unpack(word).cash
            elif name == "carry_word":
                self.cash += sign * words.Carry.unpack(word).pot
            elif name == "position_word":
                held = words.Position.unpack(word)
                instrument = args[1]
                self.positions[instrument] += sign * held.size
                self.open[instrument, held.size > 0] += sign * held.size
                if not names_pool(args[0]):
                    self.traders[instrument, held.size > 0] += sign * held.size
                self.charged[instrument] += sign * held.size * held.checkpoint

    def exact_pot(self, instrument: int) -> int:
        """The pot and what is exactly due to it, 1e-45 of the asset (L3)."""
        indices = words.Indices.unpack(self.words.get(("indices_word", (instrument,)), 0))
        pot = words.Carry.unpack(self.words.get(("carry_word", (instrument,)), 0)).pot
        return (
            pot * 10**27
            + self.open[instrument, True] * indices.long
            + self.open[instrument, False] * indices.short
            - self.charged[instrument]
        )


def request_word(record: Any) -> int:
    """As LiquidityVault.request_word."""
    if record.kind > 3:
        return record.gain << 144 | record.principal << 32 | record.epoch << 3 | record.kind
    return (
        record.amount << 160
        | record.least << 64
        | record.deadline << 32
        | record.epoch << 3
        | record.kind
    )


__all__ = ["BTC", "BTC_SMALL", "ETH", "INSTRUMENTS", "Fill", "Mismatch", "System"]
