"""What holders of vault shares may rely on, in whatever state the vault is.

Random histories of deposits, redemptions, trades, gifts and prices. After each step: what
ERC-4626 asks of conversions and limits, what ERC-7540 asks of requests and claims, and that the
vault holds what it owes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.client.errors import ProtocolError
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import PPM, WAD
from tidegate.spec.vault import share_price

from .conftest import CLOSED, LP, NEVER, TOKEN_UNIT, Venue

ONE = 10**27
VIRTUAL = 10**6
HOLDERS = ("lp", "other lp", "third lp")
VIEWS = ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem")
PREVIEWS = ("previewDeposit", "previewMint", "previewWithdraw", "previewRedeem")

# what a step may be refused for: it then has not happened
REFUSALS = {
    "deposit": {"RequestPending"},
    "redeem": {"RequestPending", "ZeroAmount"},
    "trade": {"InsufficientMargin", "SkewCap", "OpenInterestCap", "BelowMinimum"},
    "price": set(),
    "settle": {"NoRequest"},
    "claim": {"NoRequest", "NotProcessed", "OutflowLimit", "VaultShort"},
    "give": set(),
}

quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

amounts = st.one_of(st.integers(1, 10**4), st.integers(1, 300_000 * WAD))
holders = st.sampled_from(HOLDERS)
steps = st.one_of(
    st.tuples(st.just("deposit"), holders, amounts, st.sampled_from((0, 0, 1, 9, 11))),
    st.tuples(st.just("redeem"), holders, st.integers(0, 100), st.sampled_from((0, 0, 1, 9, 11))),
    st.tuples(st.just("trade"), st.integers(-4_000, 4_000)),
    st.tuples(st.just("price"), st.integers(-200_000, 200_000)),
    st.tuples(st.just("settle")),
    st.tuples(st.just("settle")),
    st.tuples(st.just("claim"), holders, st.one_of(st.just(2**256 - 1), amounts)),
    st.tuples(st.just("give"), st.integers(1, 50_000 * WAD)),
)
histories = st.lists(steps, min_size=4, max_size=14)


@dataclass
class Holders:
    """A vault with three holders and a trader; what each asked for, as the holders know it."""

    venue: Venue
    asked: dict[str, tuple[str, int]] = field(default_factory=dict)
    requests: int = 0  # ever made: each may leave less than a unit behind

    def step(self, kind: str, *args) -> None:
        """One thing that happens; what the vault refuses has not happened."""
        try:
            getattr(self, kind)(*args)
        except ProtocolError as refusal:
            if refusal.name not in REFUSALS[kind]:
                raise

    def deposit(self, name: str, amount: int, least: int) -> None:
        venue = self.venue
        self.missing(name, amount)
        price = venue.vault.call("share_price") or ONE
        venue.request_deposit(name, amount, min(amount * ONE // price * least // 10, 2**96 - 1))
        self.note(name, "deposit", amount)

    def redeem(self, name: str, percent: int, least: int) -> None:
        shares = self.venue.shares(name) * percent // 100
        price = self.venue.vault.call("share_price")
        self.venue.request_redeem(name, shares, shares * price // ONE * least // 10)
        self.note(name, "redeem", shares)

    def note(self, name: str, kind: str, amount: int) -> None:
        self.asked[name] = (kind, amount)
        self.requests += 1

    def missing(self, name: str, amount: int) -> None:
        """Collateral so that the account holds the amount."""
        lack = amount - self.venue.cash(self.venue.account(name))
        if lack > 0:
            self.venue.lp(name, lack + TOKEN_UNIT)

    def trade(self, size: int) -> None:
        if size:
            self.venue.trade("trader", size * WAD)

    def price(self, ppm: int) -> None:
        self.venue.price(max(self.venue.mark() * (PPM + ppm) // PPM, 10 * WAD))

    def settle(self) -> None:
        venue = self.venue
        before, principal = venue.vault.call("totalSupply"), venue.principal(venue.treasury)
        aside = venue.set_aside
        event = venue.settle().one("Processed").args
        after = venue.vault.call("totalSupply")
        assert event.price == share_price(event.equity, before)
        assert after <= before - event.shares_burnt + event.assets_in * ONE // max(event.price, 1)
        if before:
            # a redemption takes along its part of the principal, as far as steps of 1e-7 reach
            rest = principal - principal * event.shares_burnt // before + event.assets_in
            left = venue.principal(venue.treasury) - rest
            assert 0 <= left <= (venue.set_aside - aside) // 10**7 + 1
        if event.price and min(before, after) >= VIRTUAL:
            # nobody who stays pays for those who come and go, nor gains from them
            now = venue.vault.call("share_price")
            assert event.price <= now <= event.price + 2 + event.price * 10**3 // after

    def claim(self, name: str, most: int) -> None:
        venue, account = self.venue, self.venue.account(name)
        ready, assets, shares = venue.vault.call("claimable", account)
        cash, held = venue.cash(account), venue.shares(name)
        venue.vault.transact("claim_part", account, most, sender=venue.keeper)
        assert ready
        assert venue.cash(account) - cash == min(assets, most)
        assert venue.shares(name) - held == shares
        if assets <= most:
            del self.asked[name]
            # once
            with pytest.raises(ProtocolError, match="NoRequest"):
                venue.claim(name)

    def give(self, amount: int) -> None:
        venue = self.venue
        donor = venue.fund("donor", amount + TOKEN_UNIT)
        sender = local_address("donor")
        venue.core.transact("transfer", donor, venue.treasury, 0, amount, sender=sender)

    # What must hold

    def claims(self) -> dict[str, tuple]:
        """What is ready to be claimed, by holder."""
        ready = {name: self.venue.vault.call("claimable", self.account(name)) for name in HOLDERS}
        return {name: tuple(claim) for name, claim in ready.items() if claim[0]}

    def account(self, name: str) -> int:
        return self.venue.account(name)

    def check_what_is_owed(self) -> None:
        """In escrow: what was asked and not settled. Set aside: what was settled, not claimed."""
        venue, claims = self.venue, self.claims()
        shares = escrow = aside = 0
        for name, (kind, amount) in self.asked.items():
            if name not in claims:
                shares += amount if kind == "redeem" else 0
                escrow += amount if kind == "deposit" else 0
                continue
            _, assets, back = claims[name]
            shares += back
            if kind == "deposit":
                escrow += assets
            else:
                aside += assets
        assert venue.cash(venue.escrow) == venue.principal(venue.escrow) == escrow
        assert 0 <= venue.set_aside - aside <= 2 * self.requests
        assert 0 <= venue.vault.call("balanceOf", venue.vault.address) - shares <= self.requests
        held = sum(venue.shares(name) for name in HOLDERS)
        held += venue.vault.call("balanceOf", venue.vault.address)
        assert held == venue.vault.call("totalSupply")
        assert venue.principal(venue.gains) == 0
        assert venue.principal(venue.payouts) <= venue.cash(venue.payouts)
        treasury = venue.core.call("cash_word", venue.treasury, 0)
        assert words.Cash.unpack(treasury).principal <= words.Cash.unpack(treasury).cash
        assert venue.conserved()

    def check_views(self, assets: int, shares: int) -> None:
        """Conversions round down and lose on a round trip; nothing can be done at once."""
        vault = self.venue.vault
        total, supply = vault.call("totalAssets"), vault.call("totalSupply")
        to_shares, to_assets = "convertToShares", "convertToAssets"
        assert total == max(self.venue.equity, 0) // TOKEN_UNIT
        assert vault.call(to_assets, vault.call(to_shares, assets)) <= assets
        assert vault.call(to_shares, vault.call(to_assets, shares)) <= shares
        both = vault.call(to_assets, shares) + vault.call(to_assets, assets)
        assert both <= vault.call(to_assets, shares + assets) <= both + 1
        assert vault.call(to_shares, assets) <= vault.call(to_shares, assets + 1)
        assert vault.call(to_shares, 0) == vault.call(to_assets, 0) == 0
        if supply >= VIRTUAL:
            assert vault.call(to_assets, supply) <= total + 1
        for view in VIEWS:
            assert vault.call(view, local_address("lp")) == 0
        for view in PREVIEWS:
            for amount in (0, shares, 2**256 - 1):
                with pytest.raises(ProtocolError, match="NotSynchronous"):
                    vault.call(view, amount)
        # whoever asks
        asked = [vault.call(to_assets, shares, sender=local_address(name)) for name in HOLDERS]
        assert len(set(asked)) == 1


@contextmanager
def undone(venue: Venue) -> Iterator[None]:
    """Everything inside happens to nobody; signers forget as well."""
    checkpoint = venue.chain.snapshot()
    venue.signer.signed.clear()
    try:
        yield
    finally:
        venue.chain.restore(checkpoint)
        venue.signer.signed.clear()


def begin(venue: Venue) -> Holders:
    venue.fund("trader", 10_000_000 * WAD)
    return Holders(venue)


@quick
@given(history=histories, assets=st.integers(0, 2**80), shares=st.integers(0, 2**112))
def test_whatever_happens(venue, history, assets, shares):
    with undone(venue):
        state = begin(venue)
        for step in history:
            claims = state.claims()
            state.step(*step)
            # what is ready stays ready, until it is claimed
            for name, claim in state.claims().items():
                if step[:2] != ("claim", name) and name in claims:
                    assert claim == claims[name]
            if step[0] != "claim":
                assert claims.keys() <= state.claims().keys()
            state.check_what_is_owed()
        state.check_views(assets, shares)


def free(state: Holders, name: str) -> None:
    """The holder's request is settled and claimed, whatever it takes."""
    venue = state.venue
    if name not in state.asked:
        return
    if not venue.vault.call("claimable", venue.account(name))[0]:
        venue.settle()
    while venue.vault.call("request_word", venue.account(name)) != CLOSED:
        _, assets, _ = venue.vault.call("claimable", venue.account(name))
        try:
            venue.claim(name)
        except ProtocolError:
            venue.chain.advance(3600)
            venue.price(venue.mark())
            venue.vault.transact("claim_part", venue.account(name), max(assets // 2, 1))
    state.asked.pop(name)


@quick
@given(history=histories, amount=st.integers(1, 10**6 * WAD))
def test_in_and_out_at_one_price_gains_nothing(venue, history, amount):
    with undone(venue):
        state = begin(venue)
        for step in history:
            state.step(*step)
        # a vault that is not short pays every claim
        if not venue.vault.call("covers_stress")[0]:
            return
        venue.lp("newcomer", amount + TOKEN_UNIT)
        account = venue.account("newcomer")
        before = venue.cash(account)
        venue.request_deposit("newcomer", amount)
        venue.settle()
        venue.claim("newcomer")
        shares = venue.shares("newcomer")
        if shares:
            venue.request_redeem("newcomer", shares)
            venue.settle()
            _, assets, back = venue.vault.call("claimable", account)
            # a part may not be served
            price = venue.vault.call("share_price")
            assert venue.cash(account) + assets + back * price // ONE <= before + 1
        assert venue.cash(account) <= before


@quick
@given(history=histories, percent=st.integers(1, 100))
def test_out_and_in_at_one_price_gains_no_share(venue, history, percent):
    with undone(venue):
        state = begin(venue)
        for step in history:
            state.step(*step)
        if not venue.vault.call("covers_stress")[0]:
            return
        free(state, "lp")
        shares = venue.shares("lp")
        part = shares * percent // 100
        # the last to leave gives up what rounding left, whoever comes next gets it
        if not part or venue.vault.call("totalSupply") - part < VIRTUAL:
            return
        venue.request_redeem("lp", part)
        venue.settle()
        _, assets, _ = venue.vault.call("claimable", venue.account("lp"))
        state.asked["lp"] = ("redeem", part)
        free(state, "lp")
        if not assets:
            return
        venue.request_deposit("lp", assets)
        venue.settle()
        venue.claim("lp")
        assert venue.shares("lp") <= shares


@quick
@given(
    history=histories,
    parts=st.lists(st.integers(1, 10**4 * WAD), min_size=2, max_size=4),
    bound=st.booleans(),
)
def test_a_request_in_parts_gets_no_more(venue, history, parts, bound):
    """Nor does it matter whether it takes a place."""
    outcomes = []
    with undone(venue):
        state = begin(venue)
        for step in history:
            state.step(*step)
        for split in (parts, [sum(parts)]):
            with undone(venue):
                owner = local_address("newcomer")
                venue.lp("newcomer", sum(parts) + TOKEN_UNIT)
                accounts = [venue.account("newcomer", sub) for sub in range(len(split))]
                for account, amount in zip(accounts[1:], split[1:], strict=True):
                    args = (accounts[0], account, 0, amount)
                    venue.core.transact("transfer", *args, sender=owner)
                for account, amount in zip(accounts, split, strict=True):
                    deadline = NEVER - 1 if bound else NEVER
                    args = (account, amount, 0, deadline)
                    venue.vault.transact("request_deposit", *args, sender=owner)
                venue.settle()
                claims = [venue.vault.call("claimable", account) for account in accounts]
                outcomes.append(tuple(map(sum, zip(*claims, strict=True))))
    (_, back, shares), (_, whole_back, whole_shares) = outcomes
    assert back == whole_back
    assert whole_shares - len(parts) < shares <= whole_shares


@quick
@given(
    amount=st.integers(1, 1_000 * WAD),
    move=st.integers(-100_000, 100_000),
    redeem=st.booleans(),
)
def test_a_bound_that_is_met_changes_nothing(venue, amount, move, redeem):
    with undone(venue):
        venue.provide("other lp", 10_000 * WAD)
        venue.lp("third lp", 10_000 * WAD)
        venue.lp("other lp", 10_000 * WAD)
        shares = venue.shares("other lp")
        owner, other = local_address("other lp"), local_address("third lp")
        venue.vault.transact("transfer", other, shares // 2, sender=owner)
        venue.fund("trader", 100_000 * WAD)
        venue.trade("trader", 100 * WAD)
        kind = "request_redeem" if redeem else "request_deposit"
        for name, deadline in (("other lp", NEVER), ("third lp", NEVER - 1)):
            args = (venue.account(name), amount, 0, deadline)
            venue.vault.transact(kind, *args, sender=local_address(name))
        venue.settle(venue.mark() * (PPM + move) // PPM)
        claims = [venue.vault.call("claimable", venue.account(n)) for n in ("other lp", "third lp")]
        assert claims[0] == claims[1]
        assert claims[0][0]


@quick
@given(permissions=st.integers(0, 7), alive=st.booleans(), stranger=st.booleans())
def test_only_who_holds_the_right_asks_and_nobody_redirects(venue, permissions, alive, stranger):
    with undone(venue):
        owner, delegate = local_address("lp"), local_address("delegate")
        venue.lp("lp", 1_000 * WAD)
        expiry = venue.chain.time() + (100 if alive else 0)
        venue.core.transact("set_delegate", delegate, permissions, expiry, sender=owner)
        venue.chain.advance(1)
        caller = local_address("attacker") if stranger else delegate
        args = (venue.account("lp"), 1_000 * WAD, 0, NEVER)
        if stranger or not alive or not permissions & LP:
            with pytest.raises(ProtocolError, match="NotPermitted"):
                venue.vault.transact("request_deposit", *args, sender=caller)
            return
        held = venue.shares("lp")
        venue.vault.transact("request_deposit", *args, sender=caller)
        price = venue.settle().one("Processed").args.price
        venue.vault.transact("claim", venue.account("lp"), sender=local_address("attacker"))
        assert venue.shares("lp") - held == 1_000 * WAD * ONE // (price + 1)
        assert venue.vault.call("balanceOf", caller) == 0
