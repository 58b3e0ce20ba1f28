"""`tidegate deploy`: what an operator gets wrong ends as one line that says what to do."""

import json
from io import StringIO

import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from rich.console import Console

from tests.unit.deployment.governing import govern
from tidegate.cli import main
from tidegate.deployment import DeploymentConfig, DeploymentError, apply
from tidegate.deployment.config import CONTRACTS
from tidegate.deployment.desk import Desk
from tidegate.revm_chain import RevmChain

NOBODY_LISTENS = "http://secret-key@127.0.0.1:9"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["deploy", *arguments])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "--network", "mainnet"), "no network mainnet: anvil,"),
        (("plan", "--rpc", NOBODY_LISTENS), "no node answers at 127.0.0.1: start one with `anvil`"),
        (("apply", "--network", "base-sepolia"), "base-sepolia needs an account"),
        (("status", "--network", "base-sepolia"), "nothing is deployed there yet"),
        (("plan", "--network", "base-sepolia"), "with --sender ADDRESS or --account NAME"),
        (("plan", "--network", "base-sepolia", "--sender", "0x12"), "--sender 0x12 is no address"),
        (("plan", "--network", "base-sepolia", "--account", "nobody"), "no account nobody"),
        (("verify", "--offline"), "run apply first"),
        (
            ("plan", "--offline", "--network", "base-sepolia", "--sender", "0x" + "12" * 20),
            "signers: 0 named, 3 needed: write the addresses",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, arguments, says):
    result = _run(*arguments, "--manifests", str(tmp_path))
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert says in result.output
    assert "secret-key" not in result.output
    assert result.output.count("\n") == 1


def test_a_wrong_passphrase_is_one_line(tmp_path, monkeypatch):
    key = Account.create()
    store = tmp_path / "mine.json"
    store.write_text(json.dumps(Account.encrypt(key.key, "right", iterations=2)))
    monkeypatch.setenv("TIDEGATE_PASSPHRASE", "wrong")
    result = _run("apply", "--network", "base-sepolia", "--account", str(store))
    assert result.output == f"Error: the passphrase does not open {store}\n"


class Broke:
    """A chain on which nobody has coins."""

    def balance(self, address: str) -> int:
        return 0


def test_an_account_without_coins_is_told_so(tmp_path):
    config = DeploymentConfig()
    desk = Desk(Broke(), 84532, config, "0xsender", tmp_path, local=False)
    with pytest.raises(DeploymentError, match="0xsender has no coins for gas: fund it"):
        desk.apply()


def test_status_says_what_is_done_and_what_differs(tmp_path):
    chain, config, text = RevmChain(), DeploymentConfig(), StringIO()
    console = Console(file=text, width=160)
    desk = Desk(chain, 31337, config, chain.sender, tmp_path, local=True, console=console)

    def status() -> tuple[bool, str]:
        text.seek(0)
        text.truncate()
        return desk.status(), text.getvalue()

    assert status() == (False, f"Nothing is deployed: {desk.path} does not exist. Run apply.\n")
    deployment = apply(chain, config, tmp_path)
    fine, said = status()
    assert fine
    assert said.count("confirmed") == len(CONTRACTS) + 8
    assert said.endswith("Everything is as configured.\n")
    govern(deployment, (deployment.timelock, "update_delay", 60))
    fine, said = status()
    assert not fine
    assert "DIFFERS  delay: the chain says 60, the configuration 172800\n" in said


def test_plans_without_a_node(tmp_path):
    result = _run("plan", "--offline", "--manifests", str(tmp_path))
    assert result.exit_code == 0, result.output
    for text in ("create-ClearingHouse", "execute-markets", "lapse_ratio", "Nothing was sent"):
        assert text in result.output
    assert not list(tmp_path.iterdir())


def test_verifies_without_a_node(tmp_path):
    apply(RevmChain(), DeploymentConfig(), tmp_path)
    out = tmp_path / "out"
    result = _run("verify", "--offline", "--manifests", str(tmp_path), "--out", str(out))
    assert result.exit_code == 0, result.output
    assert len(list((out / "31337").glob("*.json"))) == len(CONTRACTS) + 1
    path = tmp_path / "31337.json"
    manifest = json.loads(path.read_text())
    manifest["contracts"]["LensMarkets"]["code_hash"] = "0x" + "00" * 32
    path.write_text(json.dumps(manifest))
    result = _run("verify", "--offline", "--manifests", str(tmp_path), "--out", str(out))
    assert result.exit_code == 1
    assert "DIFFERS" in result.output
