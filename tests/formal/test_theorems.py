"""docs/theorems.md names what exists: lemmas and tests."""

import re
from pathlib import Path

from tests.formal import lemmas
from tests.formal.proof import LEMMAS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "theorems.md").read_text()
TESTS = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}


def test_every_lemma_named_is_one_and_every_one_is_named():
    assert lemmas.__all__
    names = {lemma.name for lemma in LEMMAS if "rounding" not in lemma.build.__module__}
    named = {word for word in re.findall(r"`(\w+)`", PAGE) if word.count("_") >= 2}
    named -= {word for word in named if word.startswith("_")}
    assert named == names
    assert f"{len(LEMMAS)} lemmas" in PAGE


def test_every_test_named_is_one():
    file = ""
    pattern = re.compile(r"(?:(test_\w+\.py))?::(test_\w+)")
    found = pattern.findall(PAGE)
    assert len(found) >= 12
    for name, test in found:
        file = name or file
        assert f"def {test}(" in TESTS[file], f"{file}::{test}"
