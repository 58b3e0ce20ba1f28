"""The order of loss on the real contracts, to the unit: what each layer pays, whoever acts."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.spec.fund import allocate
from tidegate.spec.rounding import PPM, WAD

from .conftest import HALF, Hall

# mutual 50,000 and 12,500 of the pledge; the vault has plenty
MUTUAL, CAP = 50_000 * WAD, 12_500 * WAD


def layers(hall: Hall) -> dict[str, int]:
    """What each layer holds; of the vault, its equity before what is booked."""
    return {
        "insurance": hall.cash(hall.insurance),
        "mutual": hall.mutual,
        "assessed": hall.pledge,
        "vault": hall.vault.call("equity") + max(hall.owed, 0),
    }


def fall(hall: Hall, insured: int, deficit: int) -> dict[str, int]:
    """Books a deficit, covers and absorbs as a liquidator does: what each layer paid."""
    if insured:
        hall.insure(insured)
    name = hall.default(deficit)
    before = layers(hall)
    hall.book(name)
    hall.cover()
    hall.absorb()
    after = layers(hall)
    paid = {layer: before[layer] - after[layer] for layer in before}
    # the deficit is no loss of the vault's yet while the account still owes it
    return paid | {"booked": hall.owed}


@pytest.mark.parametrize("insured", [0, 1, 700 * WAD])
@pytest.mark.parametrize(
    "beyond", [1, 700 * WAD - 1, 700 * WAD, MUTUAL - 1, MUTUAL, MUTUAL + 1, MUTUAL + CAP - 1,
               MUTUAL + CAP, MUTUAL + CAP + 1, MUTUAL + CAP + 999 * WAD],
)  # fmt: skip
def test_each_unit_is_paid_once_and_from_the_top(hall, insured, beyond):
    deficit = insured + beyond
    paid = fall(hall, insured, deficit)
    expected, rest = allocate(deficit, (insured, MUTUAL, CAP, 10**9 * WAD))
    assert [paid[key] for key in ("insurance", "mutual", "assessed", "vault")] == expected
    assert sum(expected) == deficit
    assert paid["booked"] == rest == 0
    assert hall.sound()


def test_beyond_the_vault_the_rest_stays_booked(empty):
    """The vault is gone: its counterparty won what the defaulter never had."""
    empty.provide("lp", 12_500 * WAD)
    empty.contribute("member", 1_000 * WAD)
    empty.fund("trader", 100_000 * WAD)
    empty.trade("trader", 240 * WAD)
    account = empty.fund("loser", 2_000 * WAD)
    empty.trade("loser", -240 * WAD)
    empty.price(180 * WAD)
    empty.trade("loser", 240 * WAD, by=empty.liquidator)
    lack = -empty.cash(account)
    empty.insure(20 * WAD)
    equity = empty.vault.call("equity")
    empty.book("loser")
    empty.cover()
    empty.absorb()
    paid, rest = allocate(lack, (20 * WAD, 500 * WAD, 125 * WAD, equity))
    assert paid == [20 * WAD, 500 * WAD, 125 * WAD, equity]
    assert 0 < rest == empty.owed
    # the vault is down to nothing, what stays booked is what all claims together lack
    assert empty.vault.call("equity") == -rest
    assert empty.vault.call("covers_stress")[1] == rest
    assert (empty.mutual, empty.pledge) == (0, 375 * WAD)
    assert empty.sound("loser")


amounts = st.one_of(st.integers(1, 10**6), st.integers(1, 60_000 * WAD))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    insured=st.one_of(st.just(0), amounts),
    contribution=amounts.filter(lambda amount: amount > 1),
    gift=st.one_of(st.just(0), amounts),
    pledged=st.integers(100_000, 900_000),
    assessed=st.integers(10_000, 500_000),
    deficits=st.lists(amounts, min_size=1, max_size=3),
)
def test_any_amounts(empty, insured, contribution, gift, pledged, assessed, deficits):
    """Deficits one after the other in one window; a lower layer pays once those above are empty."""
    checkpoint, defaults = empty.chain.snapshot(), empty.defaults
    try:
        word = replace(HALF, pledged=pledged, assessed=assessed).pack()
        empty.guaranty.transact("set_parameters", word, sender=empty.owner)
        empty.provide("lp", 1_000_000 * WAD)
        empty.member("member", -(-contribution // 10**12) * 10**12)
        empty.put("member", contribution)
        if gift:
            empty.give(gift)
        pledge = contribution * pledged // PPM
        left = [0, contribution - pledge + gift, pledge * assessed // PPM, 10**9 * WAD]
        for turn, deficit in enumerate(deficits):
            given_now = insured if turn == 0 else 0
            left[0] += given_now
            if turn == 0 and gift:
                empty.guaranty.transact("collect", sender=empty.keeper)
            paid = fall(empty, given_now, deficit)
            expected, rest = allocate(deficit, left)
            names = ("insurance", "mutual", "assessed", "vault")
            assert [paid[key] for key in names] == expected
            assert sum(expected) == deficit
            assert paid["booked"] == rest == 0
            left = [layer - part for layer, part in zip(left, expected, strict=True)]
            for place, amount in enumerate(expected):
                assert amount == 0 or not any(left[:place])
        assert empty.sound()
    finally:
        empty.chain.restore(checkpoint)
        empty.defaults = defaults
        empty.signer.signed.clear()
