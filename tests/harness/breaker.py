"""A circuit breaker among contracts that answer what a test says, and its specification."""

from dataclasses import dataclass, field, replace

from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector as selector

from tidegate.artifacts import Artifact, artifact
from tidegate.chain import Contract, Receipt
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec import breaker as spec
from tidegate.spec.rounding import WAD
from tidegate.spec.words import Interest, Risk

INSTRUMENT = 64
SLOT_SECONDS = 4
MAX_AGE = 60
PRICE = 60_000 * WAD
DEPTH = 5_000  # whole units: K
START = 1_700_000_400  # a window of 300 s, and a slot, begin here
ANSWERS, REVERTS, BURNS = 0, 1, 2
SETTINGS = spec.Settings(
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
CALM = spec.Seen(price=PRICE, price_age=0, skew=0, liquidated=0, drawn=(0, 100 * WAD))
EVER = "latest_word(uint256)", "liquidated(uint256)", "drawn()"


@dataclass
class Bench:
    """One market. `show` says what lies behind the meters, `poke` pokes chain and specification."""

    code: Artifact | None = None
    settings: spec.Settings = SETTINGS
    seen: spec.Seen = CALM
    chain: RevmChain = field(default_factory=lambda: RevmChain(timestamp=START))

    def __post_init__(self) -> None:
        deploy, mock = self.chain.deploy, artifact("MeterMock")
        self.owner, self.guardian = local_address("owner"), local_address("guardian")
        self.core = deploy(artifact("BreakerCoreMock"))
        self.oracle, self.liquidator, self.fund = deploy(mock), deploy(mock), deploy(mock)
        self.configurator = deploy(mock)
        self.answer(self.oracle, "SLOT_SECONDS()", SLOT_SECONDS)
        self.answer(self.oracle, "feed_word(uint256)", MAX_AGE | 50_000 << 32)
        self.answer(self.configurator, "guardian()", int(self.guardian, 16))
        self.breaker = deploy(self.code or artifact("CircuitBreaker"), *self.parties)
        self.show()
        self.set_settings(self.settings)
        self.market = spec.Market(self.settings)

    @property
    def parties(self) -> tuple[str, ...]:
        around = (self.configurator, self.core, self.oracle, self.liquidator, self.fund)
        return (self.owner, *(contract.address for contract in around))

    @property
    def now(self) -> int:
        return self.chain.time()

    @property
    def scale(self) -> int:
        return DEPTH * WAD

    def answer(self, contract: Contract, signature: str, *words: int) -> None:
        """What a contract answers to a call from now on."""
        said = encode(["uint256"] * len(words), words)
        contract.transact("set_answer", selector(signature), said)

    def set_settings(self, settings: spec.Settings, sender: str | None = None) -> Receipt:
        receipt = self.breaker.transact(
            "set_settings", INSTRUMENT, settings.pack(), sender=sender or self.owner
        )
        self.settings = settings
        if hasattr(self, "market"):
            self.market = replace(self.market, settings=settings)
        return receipt

    def show(self, **changes: object) -> None:
        """Change what is seen, and let the contracts say so."""
        seen = self.seen = replace(self.seen, **changes)
        level = self.core.call("risk_word", INSTRUMENT) >> 248
        risk = Risk(scale=DEPTH * 10**6, kind=1).pack() | level << 248
        sides = Interest(long_side=max(seen.skew, 0), short_side=max(-seen.skew, 0))
        self.core.transact("set_market", INSTRUMENT, risk, sides.pack())
        for contract, silent in (
            (self.oracle, seen.price is None),
            (self.liquidator, seen.liquidated is None),
            (self.fund, seen.drawn is None),
        ):
            contract.transact("set_mode", REVERTS if silent else ANSWERS)
        self._show_price()
        if seen.liquidated is not None:
            self.answer(self.liquidator, "liquidated(uint256)", seen.liquidated)
        if seen.drawn is not None:
            self.answer(self.fund, "drawn()", *seen.drawn)

    def _show_price(self) -> None:
        seen = self.seen
        if seen.price is None:
            return
        if seen.price_age is None:
            slot, changed, price, before = self.now // SLOT_SECONDS, self.now, 1, seen.price
        else:
            slot = (self.now - seen.price_age) // SLOT_SECONDS
            changed, price, before = slot * SLOT_SECONDS, seen.price, 1
            # a slot opens at a multiple of its length: the age that is seen is that of its start
            age = self.now - changed
            changed -= 1
            self.seen = replace(seen, price_age=age)
        self.answer(
            self.oracle, "latest_word(uint256)", price | before << 90 | slot << 180 | changed << 212
        )

    def pass_time(self, seconds: int) -> None:
        """The price in force grows older unless it was of the present."""
        age = self.seen.price_age
        self.chain.set_time(self.now + seconds)
        if age is None:
            age = 0
        self.show(price_age=age + seconds if age >= MAX_AGE else 0)

    def poke(self) -> int:
        """The level; chain and specification agree on all of it."""
        self.market = spec.step(self.market, self.seen, self.scale, self.now)
        level = self.breaker.transact("poke", INSTRUMENT).returned
        self.agree()
        assert level == self.market.level
        return level

    def escalate(self, level: int, duration: int, sender: str | None = None) -> int:
        sender = sender or self.guardian
        receipt = self.breaker.transact("escalate", INSTRUMENT, level, duration, sender=sender)
        self.market = spec.escalate(self.market, level, duration, self.seen, self.scale, self.now)
        self.agree()
        return receipt.returned

    def agree(self) -> None:
        market, call = self.market, self.breaker.call
        assert self.level == market.level
        assert spec.State.unpack(call("state_word", INSTRUMENT)) == market.state
        assert spec.Halts.unpack(call("halts_word")) == market.halts
        for place in (0, 1):
            word = call("sample_word", INSTRUMENT, place)
            assert spec.Sample.unpack(word) == market.samples[place]

    @property
    def level(self) -> int:
        """As the core keeps it."""
        return self.core.call("risk_word", INSTRUMENT) >> 248

    def readings(self) -> spec.Readings:
        found = spec.Readings(*self.breaker.call("readings", INSTRUMENT))
        said = spec.readings(self.settings, self.market.samples, self.seen, self.scale, self.now)
        assert found == said
        return found

    def reach(self, level: int) -> None:
        """A level by the price alone, from a calm market whose sample is of this second."""
        self.poke()
        at = (0, *self.settings.thresholds("price"))[level]
        self.show(price=PRICE * (1000 - at) // 1000)
        assert self.poke() == level

    def rest(self) -> None:
        """As before `reach`, from the next second on."""
        self.show(price=PRICE)
