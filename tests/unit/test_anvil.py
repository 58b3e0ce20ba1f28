"""anvil as this project starts it leaves nothing on the disk."""

import pytest

from tidegate.artifacts import ROOT
from tidegate.web3_chain import RpcError, local_node

BLOCKS = 700  # more than anvil keeps in memory
NOBODY = "0x" + "11" * 20
PATTERNS = ("tidegate/**/*.py", "scripts/*.py", "tests/**/*.py")


@pytest.mark.anvil
def test_many_blocks_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with local_node(say=lambda text: None) as chain:
        chain.rpc("anvil_mine", hex(BLOCKS))
        assert chain.rpc("eth_getBalance", NOBODY, hex(BLOCKS - 400)) == "0x0"
        with pytest.raises(RpcError, match="BlockOutOfRange"):
            chain.rpc("eth_getBalance", NOBODY, hex(BLOCKS - 600))
        assert list(tmp_path.rglob("*")) == []
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.anvil
def test_a_shorter_history_leaves_no_file_either(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with local_node(say=lambda text: None, history=20) as chain:
        chain.rpc("anvil_mine", hex(BLOCKS))
        with pytest.raises(RpcError, match="BlockOutOfRange"):
            chain.rpc("eth_getBalance", NOBODY, hex(BLOCKS - 40))
    assert list(tmp_path.rglob("*")) == []


def test_one_place_knows_how_to_start_it():
    option = "--hard" + "fork"
    files = {path for pattern in PATTERNS for path in ROOT.glob(pattern)}
    named = {path.relative_to(ROOT).as_posix() for path in files if option in path.read_text()}
    assert named == {"tidegate/anvil.py"}
