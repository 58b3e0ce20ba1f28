"""The files of networks/ and markets/: all load, and those of testnets are refused until filled."""

from dataclasses import replace

import pytest

from tidegate.deployment import (
    MARKETS,
    NETWORKS,
    DeploymentError,
    default_markets,
    load_market,
    load_network,
)
from tidegate.deployment.config import problems
from tidegate.deployment.plan import Origin, plan
from tidegate.deployment.rehearsal import nonces_of, rehearse
from tidegate.local_accounts import local_address

CHAINS = {
    "anvil": 31337,
    "ethereum-sepolia": 11155111,
    "arbitrum-sepolia": 421614,
    "base-sepolia": 84532,
}
TESTNETS = sorted(set(CHAINS) - {"anvil"})
PEOPLE = tuple(f"0x{number:040x}" for number in range(0x1001, 0x1007))


def _filled(name: str):
    config = load_network(name).config
    return replace(config, signers=PEOPLE[:4], governors=PEOPLE[4:5], guardian=PEOPLE[5])


def test_every_network_is_a_file():
    assert {path.stem for path in NETWORKS.glob("*.toml")} == set(CHAINS)
    for name, chain_id in CHAINS.items():
        network = load_network(name)
        assert (network.name, network.chain_id) == (name, chain_id)
        assert network.config.markets == default_markets()


def test_every_market_is_a_file_of_its_name():
    files = sorted(MARKETS.glob("*.toml"))
    assert [load_market(path).name.lower() for path in files] == [path.stem for path in files]


@pytest.mark.parametrize("name", TESTNETS)
def test_a_testnet_waits_for_people(name):
    found = problems(load_network(name).config, local=False)
    assert [text.split(":")[0] for text in found] == ["signers", "governors", "guardian"]
    assert problems(_filled(name), local=False) == []


@pytest.mark.parametrize("name", TESTNETS)
def test_a_testnet_s_plan_can_be_carried_out(name):
    config, sender = _filled(name), PEOPLE[0]
    wanted = plan(config, Origin(sender, 3, local=False))
    assert not [step for step in wanted.steps if step.kind == "price"]
    done = rehearse(config, CHAINS[name], sender, nonces_of(wanted))
    assert all(done[step.id].code for step in wanted.steps if step.kind == "create")


def test_well_known_keys_are_refused_on_a_testnet():
    anvil_s = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    config = replace(_filled("base-sepolia"), governors=(anvil_s, local_address("guardian")))
    found = problems(config, local=False)
    assert len(found) == 2
    assert all("known to all" in text for text in found)
    assert problems(config, local=True) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "needs chain_id, int"),
        ('[network]\nchain_id = 1\nrpc = "x"\n', "needs confirmations, int"),
        ('[network]\nchain_id = 1\nrpc = "x"\nconfirmations = 1\nurl = "y"\n', "url is no setting"),
        ('markets = ["doge"]\n[network]\nchain_id=1\nrpc=""\nconfirmations=1\n', "doge.toml"),
        ("[network", "Expected"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, text, why):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(DeploymentError, match=why):
        load_network(str(path))


def test_an_unknown_network_names_the_known_ones():
    with pytest.raises(DeploymentError, match="anvil, arbitrum-sepolia, base-sepolia"):
        load_network("mainnet")
