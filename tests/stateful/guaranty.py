"""Lives of the guaranty fund: its bytecode and its twin on the real core, compared call by call.

Members come and go, gifts arrive, accounts default and are booked, layers pay in whatever order
their calls come. Every call must end alike on both sides, every word it touched be the same, and
every view; what docs/waterfall.md promises is looked at in the bytecode's words.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from tests.stateful.step import Called, Mismatch, Step, Watcher
from tests.stateful.system import System, number
from tests.stateful.world import BTC, NEVER, ORDINARY
from tidegate.artifacts import Artifact, artifact
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, Fill
from tidegate.spec.fund import DAY, GuarantyFund, Parameters
from tidegate.spec.rounding import PPM, WAD

MEMBERS = 4
PARAMETERS = Parameters()
HALF = 2**128 - 1
UNIT = 10**12
WEIGHTED: list[str] = []


def action(weight: int) -> Callable:
    """Marks a method as one of the things that can happen, this often."""

    def mark(method: Callable) -> Callable:
        WEIGHTED.extend([method.__name__] * weight)
        return method

    return mark


class FundSystem(System):
    """Both sides of an exchange with a guaranty fund."""

    def __init__(self, faulty: Mapping[str, Artifact] | None = None) -> None:
        super().__init__(ORDINARY, faulty)
        code = {**(faulty or {})}.get("GuarantyFund") or artifact("GuarantyFund")
        core = self.contracts["core"].address
        fund = self.chain.deploy(code, core, self.names[self.owner], PARAMETERS.pack())
        self.contracts["guaranty"] = fund
        self.fund_at = number(fund.address)
        self.names[self.fund_at] = fund.address
        self.guaranty = GuarantyFund(
            self.host, self.fund_at, self.core, self.vault, self.owner, PARAMETERS
        )
        # as Configurator.reserve does
        listed = self.core.assets[COLLATERAL]
        for holder in (self.fund_at, self.vault_at):
            self.must("core", "add_asset", COLLATERAL, listed, holder, sender=self.owner)
        self.readers.update(fund_readers(self))


def fund_readers(system: FundSystem) -> dict[int, Callable]:
    """How each table of the fund's twin is read from the bytecode."""
    fund, twin = system.contracts["guaranty"], system.guaranty

    def funds(_: str) -> None:
        system.equal(fund.call("funds_word"), twin.pledge << 128 | twin.mutual, "funds_word")

    def vesting(_: str) -> None:
        amount, since, until = twin.vesting["all"]
        word = amount << 128 | since << 64 | until
        system.equal(fund.call("vesting_word"), word, "vesting_word")

    def assessment(_: str) -> None:
        left, until = twin.assessment["all"]
        system.equal(fund.call("assessment_word"), left << 64 | until, "assessment_word")

    def day(_: str) -> None:
        day, amount, bidders, _size = twin.day["all"]
        word = bidders << 144 | amount << 32 | day
        system.equal(fund.call("day_word"), word, "day_word")

    def notice(account: int) -> None:
        shares, matures, closes, price = twin.notices[account]
        word, noted = fund.call("notice_word", account)
        system.equal(word, shares << 128 | closes << 64 | matures, "notice_word")
        if shares:
            system.equal(noted, price, "price of a notice")

    def shares(holder: int) -> None:
        value = fund.call("balanceOf", system.names[holder])
        system.equal(value, twin.shares[holder], "shares of the fund")

    def supply(_: str) -> None:
        system.equal(fund.call("totalSupply"), twin.supply["all"], "supply of the fund")

    def parameters(_: str) -> None:
        system.equal(fund.call("parameters_word"), twin.terms.pack(), "parameters_word")

    return {
        id(twin.tranches): funds,
        id(twin.vesting): vesting,
        id(twin.assessment): assessment,
        id(twin.day): day,
        id(twin.notices): notice,
        id(twin.shares): shares,
        id(twin.supply): supply,
        id(twin.parameters): parameters,
    }


class Laws(Watcher):
    """What holds in the bytecode's words, whatever was called."""

    def __init__(self, life: "FundLife") -> None:
        self.life = life
        self.owed = 0
        self.capacity = (0, 0)
        self.insured = 0

    def before(self, called: Called) -> None:
        self.owed, self.capacity = self.life.owed(), self.fund.call("capacity")
        self.insured = self.life.insured()

    @property
    def fund(self):
        return self.life.system.contracts["guaranty"]

    def after(self, step: Step) -> None:
        life, fund = self.life, self.fund
        word = fund.call("funds_word")
        mutual, pledge = word & HALF, word >> 128
        purse = words.Cash.unpack(
            life.system.contracts["core"].call("cash_word", life.purse, COLLATERAL)
        )
        assert purse.cash >= purse.principal >= mutual + pledge, "books beyond the cash"
        vests = life.twin.unvested
        assert mutual >= vests, "more vests than there is"
        for event in step.named("Claimed"):
            life.done["claim with a charge"] += event.args.charge != 0
        for event in step.named("NoticeCancelled"):
            life.done["cancel that forfeits"] += event.args.forfeited != 0
        life.done["payment to a bidder"] += len(step.named("BidderPaid"))
        for event in step.named("Covered"):
            life.done["mutual draw"] += event.args.mutual != 0
            life.done["assessment"] += event.args.assessed != 0
            paid = event.args.mutual + event.args.assessed
            # no more than what is booked beyond insurance, each layer once those above are empty
            assert paid == min(max(0, self.owed - self.insured), sum(self.capacity)), "cover"
            assert event.args.mutual == min(paid, self.capacity[0]), "out of order"
        for _ in step.named("Absorbed"):
            if step.called.function == "absorb" and life.covered_before:
                assert fund.call("capacity") == (0, 0) or self.owed <= self.insured, "vault first"


class FundLife:
    """Who lives with the fund, and what they do."""

    def __init__(self, faulty: Mapping[str, Artifact] | None = None) -> None:
        self.system = system = FundSystem(faulty)
        self.twin = system.guaranty
        self.done: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.purse = words.account(system.fund_at)
        self.defaulted = 0
        self.covered_before = False
        self.members = [system.actor(f"member {i}") for i in range(MEMBERS)]
        self.bankrupt = system.actor("bankrupt")
        self.bidder = system.actor("bidder")
        self.accounts = {member: words.account(member) for member in self.members}
        for member in (*self.members, self.bankrupt):
            system.fund(member, 10**14)
        for member in self.members:
            account = self.accounts[member]
            self.call("core", "deposit", account, COLLATERAL, 10**13, sender=member)
            self.call("core", "set_delegate", system.fund_at, 2, NEVER, sender=member)
        treasury = words.treasury(system.vault_at)
        self.call("core", "deposit", treasury, COLLATERAL, 10**13, sender=self.bankrupt)
        self.call("vault", "poke_caps", sender=system.keeper)
        system.watcher = Laws(self)
        self.up = True

    def act(self, name: str, seed: object) -> None:
        getattr(self, name)(Random(seed))
        self.compare_views()

    def call(self, contract: str, function: str, *args: object, sender: int) -> bool:
        self.tried[function] += 1
        done = self.system.both(contract, function, *args, sender=sender)
        self.done[function] += done
        return done

    # Readings

    def cash(self, account: int) -> int:
        return words.Cash.unpack(
            self.system.contracts["core"].call("cash_word", account, COLLATERAL)
        ).cash

    def owed(self) -> int:
        return -self.cash(words.deficits(self.system.core_at, COLLATERAL))

    def insured(self) -> int:
        """Cash of insurance, and fees that wait for it."""
        core = self.system.contracts["core"]
        pools = (words.pool(self.system.vault_at, feed) for feed in (1, 2))
        fees = sum(
            words.Cash.unpack(core.call("cash_word", p, COLLATERAL)).principal for p in pools
        )
        return max(0, self.cash(words.insurance(self.system.core_at, COLLATERAL))) + fees

    def compare_views(self) -> None:
        fund, twin, equal = self.system.contracts["guaranty"], self.twin, self.system.equal
        equal(fund.call("share_price"), twin.price(), "share_price")
        equal(fund.call("totalAssets"), twin.worth // UNIT, "totalAssets")
        equal(tuple(fund.call("drawn")), twin.drawn(), "drawn")
        equal(tuple(fund.call("capacity")), twin.capacity(), "capacity")
        for amount in (WAD, 10**30):
            equal(fund.call("payment_of", amount), twin.payment_of(amount), "payment_of")
        held = sum(
            fund.call("balanceOf", self.system.names[m])
            for m in (*self.members, self.system.fund_at)
        )
        equal(fund.call("totalSupply"), held, "all shares")

    # Shareholders

    def amount(self, rng: Random, most: int) -> int:
        return rng.choice((rng.randint(1, 100), rng.randint(1, max(1, most)), most))

    @action(10)
    def contribute(self, rng: Random) -> None:
        member = rng.choice(self.members)
        cash = max(0, self.system.core.cash[self.accounts[member], COLLATERAL].cash)
        amount = self.amount(rng, cash // 1_000)
        least = 0 if rng.random() < 0.8 else amount * rng.randint(80, 110) // 100
        sender = member if rng.random() < 0.95 else rng.choice(self.members)
        self.call("guaranty", "contribute", self.accounts[member], amount, least, sender=sender)

    @action(6)
    def give_notice(self, rng: Random) -> None:
        member = rng.choice(self.members)
        amount = self.amount(rng, self.twin.shares[member] + rng.randint(0, 1))
        self.call("guaranty", "give_notice", self.accounts[member], amount, sender=member)

    @action(8)
    def claim(self, rng: Random) -> None:
        now = self.system.host.now
        open_ = [m for m in self.members if self.twin.notices[self.accounts[m]].shares]
        if not open_ and rng.random() < 0.9:
            return self.give_notice(rng)
        member = rng.choice(open_ or self.members)
        notice = self.twin.notices[self.accounts[member]]
        if notice.matures > now and rng.random() < 0.8:
            self.pass_time(notice.matures - now + rng.randint(0, DAY))
        least = 0 if rng.random() < 0.9 else rng.randint(0, 2 * notice.shares)
        self.call("guaranty", "claim", self.accounts[member], least, sender=member)
        return None

    @action(3)
    def cancel(self, rng: Random) -> None:
        open_ = [m for m in self.members if self.twin.notices[self.accounts[m]].shares]
        member = rng.choice(open_ or self.members)
        sender = rng.choice((member, self.system.stranger))
        self.call("guaranty", "cancel", self.accounts[member], sender=sender)

    @action(4)
    def give(self, rng: Random) -> None:
        member = rng.choice(self.members)
        cash = max(0, self.system.core.cash[self.accounts[member], COLLATERAL].cash)
        amount = self.amount(rng, cash // 10_000)
        target = self.purse
        if rng.random() < 0.3:
            target = words.insurance(self.system.core_at, COLLATERAL)
        account = self.accounts[member]
        self.call("core", "transfer", account, target, COLLATERAL, amount, sender=member)

    @action(1)
    def reward(self, rng: Random) -> None:
        """Cash without principal."""
        source = self.accounts[rng.choice(self.members)]
        fills = [Fill(source, self.purse, 0, 0, 0, rng.randint(1, WAD))]
        self.call("core", "clear", fills, sender=self.system.venue)

    @action(2)
    def attack(self, rng: Random) -> None:
        """A venue that would charge or fill the fund."""
        mark = self.system.mark(BTC)
        pool = words.pool(self.system.vault_at, 1)
        fill = rng.choice(
            (
                Fill(self.purse, self.accounts[self.members[0]], 0, 0, 0, WAD),
                Fill(self.purse, pool, BTC, WAD, mark, 0),
            )
        )
        assert not self.call("core", "clear", [fill], sender=self.system.venue), "within reach"

    @action(2)
    def collect(self, rng: Random) -> None:
        self.call("guaranty", "collect", sender=self.system.stranger)

    # Deficits

    @action(8)
    def default(self, rng: Random) -> None:
        """An account that falls below zero and is closed; sometimes it is not booked yet."""
        system = self.system
        self.defaulted += 1
        account = words.account(self.bankrupt, self.defaulted)
        tokens = rng.choice((rng.randint(10**8, 10**10), rng.randint(10**9, 2 * 10**11)))
        self.call("core", "deposit", account, COLLATERAL, tokens, sender=self.bankrupt)
        mark = system.mark(BTC)
        size = tokens * UNIT * 12 * WAD // mark * (1 if self.up else -1)
        pool = words.pool(system.vault_at, 1)
        fee = tokens * UNIT * 12 * 490 // PPM
        opened = self.call(
            "core", "clear", [Fill(account, pool, BTC, size, mark, fee)], sender=system.venue
        )
        if not opened:
            return None
        after = mark * (91 if self.up else 109) // 100
        self.up = not self.up
        system.push_prices({1: after, 2: 2_500 * WAD})
        system.wait(1)
        fill = Fill(account, pool, BTC, -size, after, 0)
        self.call("core", "clear", [fill], sender=system.liquidator)
        if rng.random() < 0.8:
            self.book(rng)
        return None

    @action(3)
    def book(self, rng: Random) -> None:
        lacking = [
            account
            for n in range(self.defaulted)
            if self.system.core.cash[account := words.account(self.bankrupt, n + 1), 0].cash < 0
        ]
        if not lacking and rng.random() < 0.9:
            return self.default(rng)
        account = rng.choice(lacking or [words.account(self.bankrupt, 1)])
        self.call("core", "book_deficit", account, COLLATERAL, sender=self.system.liquidator)
        return None

    @action(10)
    def cover(self, rng: Random) -> None:
        asset = COLLATERAL if rng.random() < 0.95 else 1
        self.call("guaranty", "cover", asset, sender=self.system.stranger)

    @action(5)
    def absorb(self, rng: Random) -> None:
        self.covered_before = rng.random() < 0.7
        if self.covered_before:
            self.call("guaranty", "cover", COLLATERAL, sender=self.system.stranger)
        self.call("vault", "absorb", sender=self.system.stranger)

    @action(1)
    def sweep(self, rng: Random) -> None:
        pool = words.pool(self.system.vault_at, rng.randint(1, 2))
        self.call("core", "sweep_fees", pool, COLLATERAL, sender=self.system.keeper)

    @action(6)
    def pay_bidder(self, rng: Random) -> None:
        sender = self.system.liquidator if rng.random() < 0.9 else self.system.venue
        amount = self.amount(rng, self.twin.total // 20) if rng.random() < 0.95 else 0
        to = words.account(self.bidder)
        self.call("guaranty", "pay_bidder", to, amount, sender=sender)

    # Time and governance

    @action(6)
    def wait(self, rng: Random) -> None:
        self.pass_time(rng.choice((1, 3600, DAY, rng.randint(1, 20 * DAY))))

    def pass_time(self, seconds: int) -> None:
        self.system.wait(seconds)
        self.system.push_prices({1: self.system.mark(BTC), 2: 2_500 * WAD})
        self.system.wait(1)

    @action(2)
    def set_parameters(self, rng: Random) -> None:
        changes = {
            "vesting": rng.randint(DAY, 30 * DAY),
            "assessment": rng.randint(7 * DAY, 40 * DAY),
            "assessed": rng.randint(9_000, 510_000),
            "pledged": rng.randint(100_000, 900_000),
            "payment": rng.randint(0, 50_000),
            "notice": rng.randint(7 * DAY, 20 * DAY),
        }
        name = rng.choice(list(changes))
        terms = replace(self.twin.terms, **{name: changes[name]})
        sender = self.system.owner if rng.random() < 0.9 else self.system.stranger
        self.call("guaranty", "set_parameters", terms, sender=sender)


def live(seed: object, steps: int, code: Mapping[str, Artifact] | None = None) -> FundLife:
    """One life; an AssertionError says what was wrong."""
    rng = Random(f"fund {seed}")
    life = FundLife(code)
    for _ in range(steps):
        life.act(rng.choice(WEIGHTED), rng.random())
    life.system.compare_everything()
    if life.owed() < 0 and life.owed() != 0:
        raise Mismatch("more was paid than booked")
    return life
