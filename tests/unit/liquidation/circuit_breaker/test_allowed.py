"""One table of what each level allows: in the documents, the bytecode and the specification."""

import pytest

from tests.harness.breaker import Bench
from tidegate.artifacts import ROOT
from tidegate.spec import breaker
from tidegate.spec.breaker import LAST_LEVEL, Level

PAGE = ROOT / "docs" / "circuit-breaker.md"


def table() -> dict[str, dict[str, bool]]:
    """Of the first table of the page: what a level allows, by its number and name."""
    lines = iter(PAGE.read_text().splitlines())
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    head, _, *body = rows
    said = {"yes": True, "no": False}
    return {
        row[0]: {what: said[cell] for what, cell in zip(head[1:], row[1:], strict=True)}
        for row in body
    }


def test_the_page_has_every_level_and_everything_a_level_may_stop():
    page = table()
    assert list(page) == [f"{level.value} {level.name}" for level in Level]
    assert all(list(row) == list(LAST_LEVEL) for row in page.values())


@pytest.mark.parametrize("level", Level)
def test_the_page_says_what_the_code_does(bench: Bench, level: Level):
    row = table()[f"{level.value} {level.name}"]
    assert row == {what: breaker.allows(level, what) for what in LAST_LEVEL}
    bits = sum(1 << bit for bit, allowed in enumerate(row.values()) if allowed)
    assert bench.breaker.call("allowed", level) == breaker.allowed(level) == bits


@pytest.mark.parametrize("level", [5, 255, 2**256 - 1])
def test_what_is_no_level_allows_nothing(bench: Bench, level: int):
    assert bench.breaker.call("allowed", level) == 0
