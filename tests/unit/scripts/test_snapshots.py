"""Sizes, layouts and ABIs in git are those of the sources, and no contract is too large."""

import json

import pytest

from scripts import layout, size
from scripts._vyper import SNAPSHOTS, compile_all


@pytest.fixture(scope="module")
def compiled():
    return list(compile_all())


def test_no_contract_is_above_its_limit_and_every_size_is_noted(compiled):
    sizes = {contract.name: contract.deployed_size for contract in compiled}
    above = {name for name, most in sizes.items() if most > size.LIMITS.get(name, size.LIMIT)}
    assert above == set()
    assert json.loads((SNAPSHOTS / "size.json").read_text()) == sizes


def test_layouts_and_abis_are_noted(compiled):
    wanted = layout.snapshots(compiled)
    assert [str(path) for path in wanted if layout.difference(path, wanted[path])] == []
    present = {path for kind in ("layout", "abi") for path in (SNAPSHOTS / kind).glob("*.json")}
    assert present == set(wanted)
