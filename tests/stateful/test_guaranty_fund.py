"""The guaranty fund's bytecode and its twin live the same lives; a fund with a fault does not."""

from collections import Counter

import pytest

from tests.stateful.guaranty import live
from tests.stateful.wealth.faults import Fault, spoilt
from tidegate import artifacts

LIVES = 24
STEPS = 150
LEAST = 50  # successes of each in those lives, but for the rare

RARE = {"cancel that forfeits": 3, "claim with a charge": 10}
KINDS = (
    "contribute",
    "give_notice",
    "claim",
    "collect",
    "cover",
    "pay_bidder",
    "payment to a bidder",
    "mutual draw",
    "assessment",
    *RARE,
)
FUND, BOOKS = "vaults/GuarantyFund.vy", "vaults/tranches.vy"

FAULTS = {
    "insurance need not pay first": (FUND, " - max(self._cash(INSURANCE), 0)\n", "\n"),
    "fees of insurance stay in the pools": (
        FUND,
        "if self._unswept(pool) != 0:",
        "if self._unswept(pool) == max_value(uint256):",
    ),
    "an assessment takes the whole pledge": (
        BOOKS,
        "return min(pledge, word >> 64)",
        "return pledge",
    ),
    "who stays is assessed for who left": (
        BOOKS,
        "if out != 0 and block.timestamp < word & MAX_TIME:",
        "if out == 0 and block.timestamp < word & MAX_TIME:",
    ),
    "gifts are the shares' at once": (FUND, "        tranches._vest(gift)\n", ""),
    "cash without principal is a gift": (
        FUND,
        "cash_word._principal(staticcall CORE.cash_word(ACCOUNT, COLLATERAL)), tranches",
        "convert(self._cash(ACCOUNT), uint256), tranches",
    ),
    "leavers keep what they won": (
        FUND,
        "burnt * min(price, noted) // PRICE_ONE",
        "burnt * price // PRICE_ONE",
    ),
    "who leaves pays nothing of what is booked": (
        FUND,
        "    if rest != 0 and assets != 0:\n",
        "    if rest == 0 and assets != 0:\n",
    ),
    "new money comes while the fund owes": (
        FUND,
        "errors._require(self._cover()[1] == 0, errors.DEFICIT_BOOKED)",
        "self._cover()",
    ),
    "shares are rounded for who comes": (
        FUND,
        "minted: uint256 = arrived * PRICE_ONE // (price + 1)",
        "minted: uint256 = arrived * PRICE_ONE // price",
    ),
    "bidders are paid what insurance would pay": (
        FUND,
        "return min(amount - insured, tranches._payable())",
        "return min(amount, tranches._payable())",
    ),
    "bidders know no day": (BOOKS, "min(of_one, of_day - paid)", "min(of_one, of_day)"),
    "all of a leaver's money is mutual": (
        BOOKS,
        "out: uint256 = pledge * assets // worth",
        "out: uint256 = 0",
    ),
}


@pytest.mark.slow
def test_bytecode_is_the_specification(capsys: pytest.CaptureFixture[str]) -> None:
    done: Counter[str] = Counter()
    for seed in range(LIVES):
        done += live(seed, STEPS).done
    with capsys.disabled():
        print("\n" + ", ".join(f"{kind} {done[kind]}" for kind in KINDS))
    for kind in KINDS:
        assert done[kind] >= RARE.get(kind, LEAST), kind


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_fund_does_not_live_long(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    fault = Fault("GuarantyFund", *FAULTS[name])
    with spoilt(fault):
        code = {fault.contract: artifacts.artifact(fault.contract)}
    for seed in range(LIVES):
        try:
            live(seed, STEPS, code)
        except AssertionError as broken:
            with capsys.disabled():
                print(f"\n{name}: in life {seed + 1}, {str(broken)[:60]}")
            return
    pytest.fail("nothing was found")
