"""Compiling from source, and the cache."""

import json

import pytest

from tidegate import artifacts


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "CACHE", tmp_path)
    return tmp_path


def test_knows_every_source_of_a_contract(cache):
    found = artifacts.artifact("PriceOracle")
    assert found.name == "PriceOracle"
    assert found.runtime_size == len(found.runtime) + 64  # owner and slot seconds
    sources = json.loads((cache / "PriceOracle.json").read_text())["sources"]
    assert "contracts/pricing/PriceOracle.vy" in sources
    assert "contracts/pricing/slots.vy" in sources
    assert "contracts/libraries/errors.vy" in sources
    assert "contracts/interfaces/IPriceOracle.vyi" in sources
    assert not any("snekmate" in source for source in sources)


def test_compiles_again_only_when_a_source_differs(cache, monkeypatch):
    first = artifacts.artifact("FaucetToken")
    monkeypatch.setattr(artifacts, "_build", lambda *args: pytest.fail("compiled again"))
    assert artifacts.artifact("FaucetToken") == first
    file = cache / "FaucetToken.json"
    stored = json.loads(file.read_text())
    stored["sources"]["contracts/libraries/errors.vy"] = "0" * 64
    file.write_text(json.dumps(stored))
    with pytest.raises(BaseException, match="compiled again"):
        artifacts.artifact("FaucetToken")


def test_compiles_several_at_once(cache):
    found = artifacts.artifacts(["FaucetToken", "Timelock"])
    assert sorted(found) == ["FaucetToken", "Timelock"]
    assert {path.name for path in cache.iterdir()} == {"FaucetToken.json", "Timelock.json"}


def test_refuses_names_that_no_source_or_several_have():
    with pytest.raises(FileNotFoundError):
        artifacts.artifact("Nowhere")


def test_a_text_of_the_project_root():
    found = artifacts.from_source("# pragma version ==0.4.3\nx: public(uint256)\n", "Text")
    assert found.abi.functions["x"].signature == "x()"
