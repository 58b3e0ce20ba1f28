"""A market is a file and one command: the operations it writes list it, through the delay."""

import json
from collections.abc import Iterator

import pytest

from tests.unit.deployment.governing import SALT
from tidegate.deployment import (
    MARKETS,
    DeploymentConfig,
    DeploymentError,
    LocalSigners,
    apply,
    differences,
    load_market,
)
from tidegate.deployment.desk import Desk
from tidegate.deployment.operations import add_market
from tidegate.local_accounts import local_address
from tidegate.web3_chain import local_node

WAD = 10**18


@pytest.fixture
def market_file(tmp_path):
    text = (MARKETS / "eth-perp.toml").read_text()
    path = tmp_path / "sol-perp.toml"
    path.write_text(
        text.replace("ETH-PERP", "SOL-PERP").replace("underlying = 2", "underlying = 3")
    )
    return path


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    """On a node: pyrevm lets no contract be the sender of a call, and the timelock is one."""
    config = DeploymentConfig()
    with local_node(say=lambda text: None) as chain:
        apply(chain, config, tmp_path)
        chain.account("governor")
        yield Desk(chain, chain.chain_id, config, chain.sender, tmp_path, local=True)


def _carry_out(desk: Desk, path) -> None:
    """As a governor does with the file: two transactions, the delay between them."""
    content = json.loads(path.read_text())
    timelock = apply(desk.chain, desk.config, desk.folder).timelock
    assert content["timelock"] == timelock.address
    payloads = [bytes.fromhex(payload[2:]) for payload in content["payloads"]]
    salt = bytes.fromhex(content["salt"][2:])
    batch = (content["targets"], content["values"], payloads, b"\0" * 32, salt)
    assert salt != SALT
    assert timelock.call("hash_operation_batch", *batch).hex() == content["id"][2:]
    assert timelock.encode("execute_batch", *batch).hex() == content["execute_batch"][2:]
    governor = local_address("governor")
    timelock.transact("schedule_batch", *batch, content["delay"], sender=governor)
    desk.chain.advance(content["delay"])
    timelock.transact("execute_batch", *batch, sender=governor)


def test_a_market_is_listed_by_two_operations(desk, market_file):
    market = load_market(market_file)
    deployment = apply(desk.chain, desk.config, desk.folder)
    first = desk.add_market(market_file)
    assert json.loads(first.read_text())["calls"][0]["settings"]["max age"] == "60 s"
    _carry_out(desk, first)
    with pytest.raises(DeploymentError, match="has no price yet: let the signers publish one"):
        desk.add_market(market_file)
    LocalSigners(deployment.oracle).push(3, 150 * WAD)
    desk.chain.advance(1)
    second = desk.add_market(market_file)
    assert second.name == f"{desk.chain_id}-market-sol-perp.json"
    _carry_out(desk, second)
    listed = DeploymentConfig(markets=(*desk.config.markets, market))
    assert differences(deployment, listed, desk.sender) == []
    with pytest.raises(DeploymentError, match="instrument 192 is listed already"):
        add_market(deployment, market)


def test_terms_out_of_bounds_are_found_before_the_delay(desk, market_file):
    deployment = apply(desk.chain, desk.config, desk.folder)
    _carry_out(desk, desk.add_market(market_file))
    LocalSigners(deployment.oracle).push(3, 150 * WAD)
    desk.chain.advance(1)
    text = market_file.read_text()
    market_file.write_text(text.replace('maintenance_shock = "0.03"', 'maintenance_shock = "0.02"'))
    with pytest.raises(DeploymentError, match=r"Configurator.set_terms would be refused"):
        desk.add_market(market_file)
