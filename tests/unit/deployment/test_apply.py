"""Resuming after a crash at every step, doing nothing twice, and noticing another chain."""

import json
from dataclasses import replace

import pytest

from tests.unit.deployment.governing import govern
from tidegate.chain import Sealed
from tidegate.client.errors import ProtocolError
from tidegate.deployment import DeploymentConfig, DeploymentError, apply, perpetual
from tidegate.deployment.config import CONTRACTS
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.web3_chain import Web3Chain, local_node

TOKEN = CONTRACTS.index("ClearingHouse") + 1  # its creation's place
CREATIONS = len(CONTRACTS) + 1  # and the token
TRANSACTIONS = CREATIONS + 6  # two operations of two, two first prices


class Crash(BaseException):
    """The process ends here."""


class FaultyChain(RevmChain):
    """Ends the process at one transaction: before it goes out, or right after."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Sealed] = []
        self.crash_at: int | None = None
        self.lost = False

    def publish(self, sealed: Sealed) -> None:
        crashes = len(self.published) == self.crash_at
        if crashes and self.lost:
            self.crash_at = None
            raise Crash
        super().publish(sealed)
        self.published.append(sealed)
        if crashes:
            self.crash_at = None
            raise Crash


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> dict:
    chain = FaultyChain()
    manifest = apply(chain, DeploymentConfig(), tmp_path_factory.mktemp("whole")).manifest
    assert len(chain.published) == TRANSACTIONS
    return manifest


@pytest.mark.parametrize("lost", [False, True], ids=["after sending", "before sending"])
@pytest.mark.parametrize("at", range(TRANSACTIONS))
def test_resumes_after_a_crash_at_every_transaction(tmp_path, uninterrupted, at, lost):
    chain = FaultyChain()
    chain.crash_at, chain.lost = at, lost
    with pytest.raises(Crash):
        apply(chain, DeploymentConfig(), tmp_path)
    half = json.loads((tmp_path / "31337.json").read_text())
    [under_way] = [step for step in half["steps"].values() if step["state"] == "sent"]
    assert len(under_way["tx"]) == 1
    assert not half["complete"]

    manifest = apply(chain, DeploymentConfig(), tmp_path).manifest
    assert manifest["complete"]
    assert manifest["contracts"] == uninterrupted["contracts"]
    assert manifest["steps"].keys() == uninterrupted["steps"].keys()
    assert len(chain.published) == TRANSACTIONS
    assert len({sealed.tx_hash for sealed in chain.published}) == TRANSACTIONS


def test_a_node_s_nonces_survive_a_crash_at_every_step(tmp_path):
    with local_node(say=lambda text: None) as chain:
        deployment = _crash_everywhere(chain, tmp_path)
        # the sender's transactions and no more
        assert chain.count(chain.sender) == TRANSACTIONS
        nonces = [step["nonce"] for step in deployment.manifest["steps"].values() if step["tx"]]
        assert sorted(nonces) == list(range(TRANSACTIONS))


def _crash_everywhere(chain: Web3Chain, folder):
    publish = chain.publish
    crashes = [False]

    def crashing(sealed: Sealed) -> None:
        # Every transaction is first lost, then sent without a chance to see its receipt.
        crashes[0] = not crashes[0]
        if not crashes[0]:
            publish(sealed)
        raise Crash

    chain.publish = crashing
    for _ in range(2 * TRANSACTIONS):
        with pytest.raises(Crash):
            apply(chain, DeploymentConfig(), folder)
    chain.publish = publish
    return apply(chain, DeploymentConfig(), folder)


def test_a_second_apply_sends_nothing_and_says_so(tmp_path):
    chain = FaultyChain()
    first = apply(chain, DeploymentConfig(), tmp_path)
    text = (tmp_path / "31337.json").read_text()
    said = []
    second = apply(chain, DeploymentConfig(), tmp_path, say=said.append)
    assert said == ["nothing to do: everything is deployed and as configured"]
    assert len(chain.published) == TRANSACTIONS
    assert (tmp_path / "31337.json").read_text() == text
    assert second.core.address == first.core.address


def test_another_transaction_of_the_sender_moves_what_is_left(tmp_path):
    chain = FaultyChain()
    chain.crash_at = TOKEN
    with pytest.raises(Crash):
        apply(chain, DeploymentConfig(), tmp_path)
    chain.set_nonce(chain.sender, TOKEN + 5)
    deployment = apply(chain, DeploymentConfig(), tmp_path)
    assert deployment.manifest["steps"]["create-Token"]["nonce"] == TOKEN
    assert deployment.manifest["steps"]["create-LiquidityVault"]["nonce"] == TOKEN + 5
    assert len(chain.published) == TRANSACTIONS


def test_a_nonce_that_another_transaction_took_is_given_up(tmp_path):
    chain = FaultyChain()
    chain.crash_at, chain.lost = TOKEN, True
    with pytest.raises(Crash):
        apply(chain, DeploymentConfig(), tmp_path)
    chain.set_nonce(chain.sender, TOKEN + 1)
    deployment = apply(chain, DeploymentConfig(), tmp_path)
    assert deployment.manifest["steps"]["create-Token"]["nonce"] == TOKEN + 1


def test_a_restarted_chain_is_refused(tmp_path):
    apply(RevmChain(), DeploymentConfig(), tmp_path)
    with pytest.raises(DeploymentError, match=r"its first block is another.*move the file away"):
        apply(RevmChain(), DeploymentConfig(), tmp_path)


def test_a_chain_that_lost_a_recorded_block_is_refused(tmp_path, monkeypatch):
    chain = RevmChain()
    apply(chain, DeploymentConfig(), tmp_path)
    monkeypatch.setattr(chain, "block_hash", lambda number: "0xother")
    monkeypatch.setattr(chain, "outcome", lambda tx_hash, call=None: None)
    with pytest.raises(DeploymentError, match="step create-Timelock is gone"):
        apply(chain, DeploymentConfig(), tmp_path)


def test_a_transaction_that_a_fork_moved_to_another_block_still_counts(tmp_path, monkeypatch):
    chain = FaultyChain()
    apply(chain, DeploymentConfig(), tmp_path)
    monkeypatch.setattr(chain, "block_hash", lambda number: f"0xother {number}")
    apply(chain, DeploymentConfig(), tmp_path)
    manifest = json.loads((tmp_path / "31337.json").read_text())
    assert manifest["steps"]["create-LensMarkets"]["block_hash"].startswith("0xother ")
    assert len(chain.published) == TRANSACTIONS


def test_a_configuration_that_changed_on_the_way_is_refused(tmp_path):
    chain = FaultyChain()
    chain.crash_at = 8
    with pytest.raises(Crash):
        apply(chain, DeploymentConfig(), tmp_path)
    with pytest.raises(DeploymentError, match=r"create-Exchange .* other parameters .* put them"):
        apply(chain, DeploymentConfig(window=60), tmp_path)
    apply(chain, DeploymentConfig(), tmp_path)


def test_a_parameter_that_moved_on_the_chain_is_named(tmp_path):
    chain = RevmChain()
    deployment = apply(chain, DeploymentConfig(), tmp_path)
    govern(
        deployment,
        (deployment.configurator, "set_guardian", local_address("newcomer")),
        (deployment.oracle, "set_feed", 1, 61, 50_000),
    )
    with pytest.raises(DeploymentError, match=r"guardian: the chain says.*; feed of BTC-PERP"):
        apply(chain, DeploymentConfig(), tmp_path)


def test_another_account_may_not_go_on(tmp_path):
    chain = FaultyChain()
    chain.crash_at = 3
    with pytest.raises(Crash):
        apply(chain, DeploymentConfig(), tmp_path)
    with pytest.raises(DeploymentError, match="was begun by"):
        apply(chain, DeploymentConfig(), tmp_path, sender=local_address("other"))


def test_a_step_that_reverts_may_be_tried_again(tmp_path):
    chain = FaultyChain()
    config = DeploymentConfig()
    [btc, _] = config.markets
    bad = perpetual("ETH-PERP", 2, "3000", "80000", "4000", "6400", maintenance_shock="0.02")
    with pytest.raises(ProtocolError, match="OutOfBounds"):
        apply(chain, replace(config, markets=(btc, bad)), tmp_path)
    # The operation is scheduled with the bad terms: only another deployment can have other ones.
    with pytest.raises(DeploymentError, match="schedule-markets was sent with other parameters"):
        apply(chain, config, tmp_path)


def test_without_a_place_for_the_manifest_nothing_is_sent(tmp_path):
    chain = FaultyChain()
    (tmp_path / "file").touch()
    with pytest.raises(DeploymentError, match="cannot be written"):
        apply(chain, DeploymentConfig(), tmp_path / "file")
    assert chain.published == []


def test_a_broken_manifest_is_no_reason_to_begin_anew(tmp_path):
    (tmp_path / "31337.json").write_text('{"steps": {')
    with pytest.raises(DeploymentError, match="cannot be read"):
        apply(RevmChain(), DeploymentConfig(), tmp_path)
