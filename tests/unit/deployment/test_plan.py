"""The plan changes nothing and foretells what apply does."""

import pytest

from tidegate.deployment import DeploymentConfig, DeploymentError, apply, perpetual
from tidegate.deployment.desk import Desk
from tidegate.deployment.plan import CREATE, Origin, plan
from tidegate.deployment.rehearsal import nonces_of, rehearse
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.web3_chain import local_node

SENDER = local_address("deployer")


def _plan(config: DeploymentConfig | None = None, nonce: int = 0):
    return plan(config or DeploymentConfig(), Origin(SENDER, nonce, local=True))


def test_is_a_function_of_its_arguments():
    first, second = _plan(), _plan()
    assert first == second
    assert len({step.id for step in first.steps}) == len(first.steps)


def test_foretells_addresses_code_and_gas():
    config = DeploymentConfig()
    with local_node(say=lambda text: None) as chain:
        wanted = plan(config, Origin(chain.sender, chain.count(chain.sender), local=True))
        rehearsed = rehearse(config, chain.chain_id, chain.sender, nonces_of(wanted))
        manifest = apply(chain, config).manifest
    assert [step.id for step in wanted.steps] == list(manifest["steps"])
    for step in wanted.steps:
        entry = manifest["steps"][step.id]
        if step.kind == CREATE:
            made = manifest["contracts"][step.name]
            assert (made["address"], made["code_hash"]) == (
                step.address,
                rehearsed[step.id].code_hash,
            )
            assert entry["nonce"] == step.nonce
        if entry["tx"]:
            # The embedded EVM prices warm slots too low; creations it gets right.
            assert entry["gas_used"] == pytest.approx(rehearsed[step.id].gas, rel=0.15)


def test_addresses_follow_the_nonce():
    assert _plan(nonce=1).contracts["Timelock"] == _plan().contracts["PriceOracle"]


def test_says_every_parameter_in_people_s_units():
    config = DeploymentConfig(delay=172_800, lapse_ratio="0.003")
    said = {}
    for step in _plan(config).steps:
        said.update({(step.id, key): value for key, value in step.settings})
    assert said["create-Exchange", "lapse_ratio"] == "0.3 %"
    assert said["create-Exchange", "min_keeper_fee"] == "0.5 tokens"
    assert said["execute-markets", "Timelock.update_delay: delay"] == "172800 s"
    assert said["execute-markets", "Timelock.grantRole: EXECUTOR_ROLE"] == "anyone"
    assert said["execute-markets", "Configurator.set_terms: taker_fee"] == "0.0005"
    assert said["execute-feeds", "PriceOracle.set_feed: max step"] == "5 %"


def test_the_rehearsal_finds_terms_out_of_bounds():
    [btc, _] = DeploymentConfig().markets
    bad = perpetual("ETH-PERP", 2, "3000", "80000", "4000", "6400", maintenance_shock="0.02")
    config = DeploymentConfig(markets=(btc, bad))
    with pytest.raises(DeploymentError, match=r"execute-markets: OutOfBounds"):
        rehearse(config, 31337, SENDER, nonces_of(_plan(config)))


def test_the_rehearsal_knows_that_real_networks_have_no_faucet():
    with pytest.raises(DeploymentError, match="constructor of FaucetToken"):
        rehearse(DeploymentConfig(), 42161, SENDER, nonces_of(_plan()))


def test_no_chain_is_asked_or_changed(tmp_path):
    chain = RevmChain()
    refused = ("seal", "publish", "send", "set_time", "advance", "fund")

    def fail(*_: object) -> None:
        raise AssertionError("a plan changes nothing")

    for name in refused:
        setattr(chain, name, fail)
    folder = tmp_path / "deployments"
    Desk(chain, 31337, DeploymentConfig(), SENDER, folder, local=True).plan()
    assert not folder.exists()
    assert chain.count(SENDER) == 0
