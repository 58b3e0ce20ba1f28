"""docs/invariants.md and the machine name the same invariants."""

import re

from tests.stateful.exits import Exits
from tests.stateful.invariants import Invariants
from tidegate.artifacts import ROOT

DOCS = (ROOT / "docs" / "invariants.md").read_text()
ROWS = re.findall(r"^\| (INV-\d\d) \|(.*)$", DOCS, re.MULTILINE)
REQUIRED = {*range(1, 19), 20, 21, 27, 28, 30}


def checks() -> set[str]:
    return {name for of in (Invariants, Exits) for name in dir(of) if name.startswith("inv_")}


def test_every_row_names_a_check_of_its_number() -> None:
    for number, row in ROWS:
        named = re.findall(r"`(inv_\w+)`", row)
        assert named, number
        assert {name[4:6] for name in named} == {number[4:]}
        assert set(named) <= checks(), number


def test_every_check_has_its_row() -> None:
    named = {name for _, row in ROWS for name in re.findall(r"`(inv_\w+)`", row)}
    assert named == checks()


def test_every_number_that_applies_is_there_once() -> None:
    numbers = [int(number[4:]) for number, _ in ROWS]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) >= REQUIRED


def test_other_tests_exist() -> None:
    for number, row in ROWS:
        for path in re.findall(r"`((?:unit|attacks|differential|stateful)/[\w/.]+)`", row):
            assert (ROOT / "tests" / path).is_file(), f"{number}: {path}"
