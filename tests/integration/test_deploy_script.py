"""`ape run deploy`, the way a person starts it, and trading on what it deployed."""

import json
from collections.abc import Iterator

import pytest

from tests.harness.ape import DEVNET_PORT, ape_deploy
from tests.harness.system import BTC, System, wad
from tidegate.deployment import CONTRACTS, Deployment, DeploymentConfig
from tidegate.web3_chain import Web3Chain, local_node


def test_on_the_embedded_chain_of_ape(tmp_path):
    text = ape_deploy("ethereum:local:test", tmp_path)
    manifest = json.loads((tmp_path / "1337.json").read_text())
    assert set(manifest["contracts"]) == {*CONTRACTS, "Token"}
    for name, entry in manifest["contracts"].items():
        assert f"{name:15} {entry['address']}" in text
    assert manifest["markets"] == {"BTC-PERP": 64, "ETH-PERP": 128}


def test_plans_and_writes_nothing(tmp_path):
    text = ape_deploy("ethereum:local:test", tmp_path / "none", "plan")
    assert "create-ClearingHouse" in text
    assert "Nothing was sent" in text
    assert not (tmp_path / "none").exists()


@pytest.mark.anvil
def test_on_a_foundry_node_by_a_configuration_file(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("""
        delay = 3600
        stress_share = 0.4

        [token]
        decimals = 18

        [[markets]]
        name = "SOL-PERP"
        underlying = 3
        opening_price = "150"
        depth = "1000000"
        soft_cap = "50000"
        hard_cap = "80000"
        initial_shock = "0.1"
        max_age = 30
    """)
    ape_deploy("ethereum:local:foundry", tmp_path, "--config", str(file))
    manifest = json.loads((tmp_path / "31337.json").read_text())
    assert manifest["markets"] == {"SOL-PERP": 192}
    assert manifest["config"]["delay"] == 3600
    assert manifest["config"]["token"]["decimals"] == 18
    [market] = manifest["config"]["markets"]
    assert (market["risk"]["initial_shock"], market["max_age"]) == (100_000, 30)


@pytest.fixture
def node() -> Iterator[Web3Chain]:
    with local_node(port=DEVNET_PORT, say=lambda text: None) as chain:
        yield chain


@pytest.mark.anvil
@pytest.mark.xdist_group("devnet")
def test_people_trade_on_what_it_deployed(tmp_path, node):
    ape_deploy("ethereum:devnet:node", tmp_path)
    system = System(Deployment.load(node, tmp_path), DeploymentConfig())
    provider, trader, keeper = map(system.actor, ("liquidity provider", "trader", "keeper"))
    system.provide(provider, 20_000_000)
    account = system.fund(trader, 10_000)
    system.fund(keeper, 10)
    system.move(BTC, 60_000)
    receipt = system.trade(account, BTC, "0.5")
    assert receipt.one("Filled").args.size == wad("0.5")
    assert system.size(account, BTC) == wad("0.5")
    assert system.size(system.deployment.pool(BTC), BTC) == -wad("0.5")
