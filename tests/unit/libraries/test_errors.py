"""Every error number is the selector of its own name."""

import re

import pytest

from tidegate.client.errors import ERRORS_FILE, selector

DECLARATION = re.compile(r"^([A-Z_]+): constant\(uint256\) = ([0-9_]+) ", re.M)
DECLARED = DECLARATION.findall(ERRORS_FILE.read_text())


@pytest.mark.parametrize(("constant", "number"), DECLARED)
def test_number_is_the_selector_of_the_name(constant, number):
    name = "".join(word.capitalize() for word in constant.split("_"))
    assert int(number.replace("_", "")) == int.from_bytes(selector(name), "big")


def test_no_two_errors_share_a_number():
    assert len(DECLARED) > 40
    assert len({number for _, number in DECLARED}) == len(DECLARED)
