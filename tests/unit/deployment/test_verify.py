"""One changed byte is found; what explorers get is the same on every machine and compiles."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from vyper.cli.vyper_json import compile_json

from tidegate import artifacts
from tidegate.artifacts import ROOT
from tidegate.deployment import CONTRACTS, DeploymentConfig, TokenConfig, apply
from tidegate.deployment.verify import encoded_arguments, verify, write_inputs
from tidegate.revm_chain import RevmChain


@pytest.fixture
def chain() -> RevmChain:
    return RevmChain()


@pytest.fixture
def manifest(chain) -> dict:
    return apply(chain, DeploymentConfig()).manifest


def _changed(chain: RevmChain, monkeypatch, address: str, at: int) -> None:
    code = bytearray(chain.code(address))
    code[at] ^= 1
    there = chain.code
    monkeypatch.setattr(chain, "code", lambda a: bytes(code) if a == address else there(a))


def test_every_contract_is_what_the_sources_compile_to(chain, manifest):
    for findings in (verify(manifest), verify(manifest, chain)):
        assert {finding.name for finding in findings} == {*CONTRACTS, "Token"}
        assert all(finding.same for finding in findings), findings


@pytest.mark.parametrize(("at", "part"), [(1000, "code"), (-1, "immutables")])
def test_one_changed_byte_is_found(chain, manifest, monkeypatch, at, part):
    address = manifest["contracts"]["Exchange"]["address"]
    size = len(chain.code(address))
    _changed(chain, monkeypatch, address, at)
    [finding] = [finding for finding in verify(manifest, chain) if not finding.same]
    assert finding.name == "Exchange"
    assert (
        finding.text == f"byte {at % size:,} on the chain differs from the sources, in the {part}"
    )


def test_another_argument_is_found_without_a_chain(manifest):
    manifest["contracts"]["Liquidator"]["args"][-1] = 301
    [finding] = [finding for finding in verify(manifest) if not finding.same]
    assert finding.name == "Liquidator"
    assert "code hash" in finding.text


def test_a_token_of_somebody_else_is_not_judged(chain):
    token = chain.deploy(artifacts.artifact("FaucetToken"), "Dollar", "USD", 6)
    config = replace(DeploymentConfig(), token=TokenConfig(address=token.address))
    findings = verify(apply(chain, config).manifest, chain)
    assert all(finding.same for finding in findings)
    [judged] = [finding for finding in findings if finding.name == "Token"]
    assert "skipped" in judged.text


def test_inputs_for_explorers_hold_no_local_path(manifest, tmp_path):
    written = write_inputs(manifest, tmp_path)
    assert len(written) == len(CONTRACTS) + 1
    for path in written:
        text = path.read_text()
        for local in (str(ROOT), str(Path.home()) + "/", "site-packages", ".venv"):
            assert local not in text
        content = json.loads(text)
        keys = content["sources"]
        assert all(key.startswith(("contracts/", "snekmate/")) for key in keys)
        assert content["compiler_version"] == "v0.4.3+commit.bff19ea2"
    arguments = (tmp_path / "Liquidator.args").read_text().strip()
    assert bytes.fromhex(arguments) == encoded_arguments(manifest["contracts"]["Liquidator"])
    # seconds after which an auction has failed; no feed for gas
    assert [
        int(arguments[at : at + 64], 16) for at in range(-128 + len(arguments), len(arguments), 64)
    ] == [300, 0]


@pytest.mark.parametrize("name", ["FaucetToken", "Configurator"])
def test_inputs_for_explorers_compile_to_what_is_deployed(name):
    content = artifacts.standard_json(name)
    [target] = content["settings"]["outputSelection"]
    content["settings"]["outputSelection"] = {target: ["evm.bytecode.object"]}
    output = compile_json(content)
    made = output["contracts"][target][name]["evm"]["bytecode"]["object"]
    assert bytes.fromhex(made.removeprefix("0x")) == artifacts.artifact(name).bytecode
