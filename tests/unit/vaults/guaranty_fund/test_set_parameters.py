"""GuarantyFund.set_parameters and the constructor: bounds, whoever the owner is."""

from dataclasses import replace

import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact
from tidegate.local_accounts import local_address
from tidegate.spec.fund import DAY

from .conftest import HALF

WORST = [
    *(("pledged", value) for value in (0, 99_999, 900_001)),
    *(("assessed", value) for value in (0, 9_999, 500_001)),
    *(("payment", value) for value in (50_001,)),
    *(("day_share", value) for value in (9_999, 200_001)),
    *(("assessment", value) for value in (7 * DAY - 1, 90 * DAY + 1)),
    *(("notice", value) for value in (7 * DAY - 1, 60 * DAY + 1)),
    *(("window", value) for value in (DAY - 1, 7 * DAY + 1)),
    *(("vesting", value) for value in (DAY - 1, 90 * DAY + 1)),
]
BEST = [
    *(("pledged", value) for value in (100_000, 900_000)),
    *(("assessed", value) for value in (10_000, 500_000)),
    *(("payment", value) for value in (0, 50_000)),
    *(("day_share", value) for value in (10_000, 200_000)),
    *(("assessment", value) for value in (7 * DAY, 90 * DAY)),
    *(("notice", value) for value in (7 * DAY, 60 * DAY)),
    *(("window", value) for value in (DAY, 7 * DAY)),
    *(("vesting", value) for value in (DAY, 90 * DAY)),
]


def set_parameters(empty, word, sender=None):
    return empty.guaranty.transact("set_parameters", word, sender=sender or empty.owner)


@pytest.mark.parametrize(("field", "value"), WORST)
def test_refuses_what_lies_outside(empty, refuses, field, value):
    parameters = replace(HALF, **{field: value})
    refuses("OutOfBounds", set_parameters, empty, parameters.pack())
    with reverts("OutOfBounds"):
        parameters.check()


@pytest.mark.parametrize(("field", "value"), BEST)
def test_takes_the_bounds_themselves(empty, field, value):
    parameters = (
        replace(HALF, window=DAY, **{field: value})
        if field != "window"
        else replace(HALF, window=value)
    )
    parameters.check()
    event = set_parameters(empty, parameters.pack()).one("ParametersSet").args
    assert event.word == parameters.pack() == empty.guaranty.call("parameters_word")


def test_refuses_bits_beyond_its_fields(empty, refuses):
    refuses("OutOfBounds", set_parameters, empty, HALF.pack() | 1 << 208)


def test_only_the_owner(empty, refuses):
    refuses("NotOwner", set_parameters, empty, HALF.pack(), local_address("attacker"))


@pytest.mark.parametrize("missing", ["core", "owner"])
def test_a_fund_needs_a_core_and_an_owner(empty, refuses, missing):
    people = {"core": empty.core.address, "owner": empty.owner, missing: "0x" + "00" * 20}
    refuses(
        "OutOfBounds",
        empty.chain.deploy,
        artifact("GuarantyFund"),
        people["core"],
        people["owner"],
        HALF.pack(),
    )


def test_a_fund_begins_within_bounds(empty, refuses):
    refuses(
        "OutOfBounds",
        empty.chain.deploy,
        artifact("GuarantyFund"),
        empty.core.address,
        empty.owner,
        replace(HALF, pledged=0).pack(),
    )


def test_says_who_owns_it(empty):
    assert empty.guaranty.call("OWNER") == empty.owner
