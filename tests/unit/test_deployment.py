"""The set-up through the timelock, what the manifest keeps, and what is refused."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH
from tidegate import deployment as deployments
from tidegate.deployment import (
    BREAKER,
    MARKETS,
    BreakerConfig,
    DeploymentConfig,
    DeploymentError,
    QuoteConfig,
    TokenConfig,
    check,
    deploy,
    load_market,
    perpetual,
)
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain


def test_everything_belongs_to_the_timelock(system):
    timelock = system.deployment.timelock.address
    assert system.oracle.call("OWNER") == timelock
    assert system.vault.call("OWNER") == timelock
    assert system.deployment.configurator.call("OWNER") == timelock


def test_the_deployer_keeps_nothing(system, deployer):
    timelock = system.deployment.timelock
    for name in ("DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
        assert not timelock.call("hasRole", timelock.call(name), deployer)
    with reverts("NotOwner"):
        system.deployment.configurator.transact(
            "set_venue", system.core.address, deployer, 1, sender=deployer
        )


def test_lists_both_markets_with_their_pools(system):
    assert system.deployment.markets == {"BTC-PERP": BTC, "ETH-PERP": ETH}
    for instrument, price in ((BTC, 60_000), (ETH, 3_000)):
        assert system.oracle.call("latest", instrument // 64) == (price * 10**18, True)
        # the flags of a pool, alive
        pool = system.deployment.pool(instrument)
        assert system.core.call("cash_word", pool, 0) & 3 == 3


def test_check_finds_every_difference(system, deployer):
    config = system.config
    check(system.deployment, config, deployer)
    [btc, eth] = config.markets
    wrong = [
        replace(config, delay=1),
        replace(config, guardian=deployer),
        replace(config, threshold=4),
        replace(config, governors=(deployer,)),
        replace(config, token=TokenConfig(escrow_cap="1")),
        replace(config, markets=(btc, replace(eth, max_age=61))),
        replace(config, markets=(btc, replace(eth, quote=QuoteConfig(half_spread="0.0004")))),
        replace(config, markets=(btc, replace(eth, risk=btc.risk))),
        replace(config, markets=(btc, replace(eth, breaker=BreakerConfig(window=240)))),
    ]
    for other in wrong:
        with pytest.raises(DeploymentError):
            check(system.deployment, other, deployer)


def test_a_brake_is_state_and_no_difference(system, deployer):
    breaker = system.deployment.breaker
    breaker.transact("escalate", BTC, 2, 600, sender=system.actor("guardian"))
    assert system.core.call("risk_word", BTC) >> 248 == 2
    check(system.deployment, system.config, deployer)


def test_who_the_breaker_and_the_fund_belong_to(system):
    deployment = system.deployment
    assert system.core.call("venue_word", deployment.breaker.address) == BREAKER
    assert deployment.liquidator.call("fund") == deployment.fund.address
    for market in system.config.markets:
        word = deployment.breaker.call("settings_word", market.instrument)
        assert word == market.breaker.settings.pack()


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("outage = 1", "more than max_age"),
        ("window = 59", "out of the bounds"),
        ("x = 1", "no set"),
    ],
)
def test_a_breaker_that_the_contract_refuses_is_no_market(tmp_path, table, why):
    text = (MARKETS / "btc-perp.toml").read_text()
    path = tmp_path / "btc.toml"
    path.write_text(text[: text.index("[breaker]")] + "[breaker]\n" + table)
    with pytest.raises(DeploymentError, match=why):
        load_market(path)


def test_a_governor_who_deploys_keeps_proposing():
    sender = local_address("deployer")
    config = DeploymentConfig(governors=(sender,), delay=60)
    timelock = deploy(RevmChain(), config).timelock
    assert timelock.call("hasRole", timelock.call("PROPOSER_ROLE"), sender)
    assert timelock.call("get_minimum_delay") == 60


def test_the_manifest_finds_the_contracts_again(tmp_path):
    chain = RevmChain()
    deployment = deploy(chain)
    path = deployment.save(tmp_path)
    assert path.name == "31337.json"
    found = deployments.Deployment.load(chain, tmp_path)
    assert {name: contract.address for name, contract in found.contracts.items()} == {
        name: contract.address for name, contract in deployment.contracts.items()
    }
    assert found.markets == deployment.markets
    manifest = json.loads(path.read_text())
    assert manifest["contracts"]["ClearingHouse"]["args"] == [
        deployment.oracle.address,
        deployment.configurator.address,
        deployment.losses.address,
    ]
    assert manifest["config"]["delay"] == 172_800


def test_a_manifest_of_a_restarted_chain_is_refused(tmp_path):
    deploy(RevmChain()).save(tmp_path)
    with pytest.raises(DeploymentError, match="another chain"):
        deployments.Deployment.load(RevmChain(), tmp_path)
    with pytest.raises(DeploymentError, match="deploy first"):
        deployments.Deployment.load(RevmChain(1337), tmp_path)


def test_known_keys_are_refused_on_real_networks():
    chain = RevmChain(42161)
    chain.local = False
    with pytest.raises(DeploymentError, match="known to all"):
        deploy(chain)


def test_terms_out_of_bounds_are_refused():
    [btc, eth] = DeploymentConfig().markets
    bad = perpetual("ETH-PERP", 2, "3000", "80000", "4000", "6400", maintenance_shock="0.02")
    with reverts("OutOfBounds"):
        deploy(RevmChain(), DeploymentConfig(markets=(btc, bad)))
    assert eth.risk.decimals()["maintenance_shock"] == Decimal("0.03")


def test_perpetual_refuses_unknown_terms():
    with pytest.raises(ValueError, match="leverage is no term"):
        perpetual("ETH-PERP", 2, "3000", "80000", "4000", "6400", leverage="3")
