"""What `tidegate keepers` refuses before it asks any node."""

import pytest
from click.testing import CliRunner

from tidegate.cli import main
from tidegate.keepers.keys import KEY
from tidegate.keepers.registry import ROLES
from tidegate.local_accounts import local_account


def run(*options, **environ):
    return CliRunner().invoke(main, ["keepers", *options], env={KEY: None, **environ})


def test_roles_are_listed():
    result = run("roles")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(ROLES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("run", "--roles", "clerk"), "no role clerk"),
        (("run", "--dry-run"), "--dry-run needs --sender ADDRESS"),
        (("run", "--dry-run", "--sender", "0x12"), "is no address"),
        (("run", "--sender", "0x" + "11" * 20), "--sender goes with --dry-run"),
        (("run",), "no key: give --account NAME, or TIDEGATE_KEEPER_KEY"),
        (("run", "--share", "3/2"), "keeper 3 of 2"),
        (("run", "--network", "moon"), "no network moon"),
        (("run", "--config", "nowhere.toml"), "nowhere.toml cannot be read"),
    ],
)
def test_what_cannot_run_says_why_and_ends_with_2(options, message):
    result = run(*options)
    assert result.exit_code == 2
    assert message in result.output.replace("\n", " ")


def test_a_known_key_is_refused_on_a_live_chain_dry_or_not():
    known = local_account("keeper")
    result = run("run", "--network", "base-sepolia", **{KEY: known.key.hex()})
    assert result.exit_code == 2
    assert "is known to all" in result.output
    assert known.key.hex() not in result.output
    dry = run("run", "--network", "base-sepolia", "--dry-run", "--sender", known.address)
    assert dry.exit_code == 2
    assert "is known to all" in dry.output
