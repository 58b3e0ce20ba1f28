"""The local node: where its binary is, and how this project starts it.

anvil writes every state beyond the five hundredth to ~/.foundry/anvil/tmp as JSON and leaves it
there when it ends: ten thousand accounts are five megabytes a block, a night of tests filled a disk
with 73 GB. `--max-persisted-states 0` keeps the last five hundred in memory and writes none.
Whoever starts anvil takes the command from here.
"""

import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from tidegate.artifacts import ROOT

LOCAL_OPTIONS = ("--disable-block-gas-limit", "--disable-console-log", "--no-cors")


def find_anvil() -> str | None:
    """The anvil of this project's environment, else one on PATH."""
    own = ROOT / ".venv" / "bin" / "anvil"
    beside = Path(sys.executable).with_name("anvil")
    for candidate in (own, beside):
        if os.access(candidate, os.X_OK):
            return str(candidate)
    return shutil.which("anvil")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def anvil_command(port: int, *options: str, history: int | None = None) -> list[str]:
    """Arguments of a process, which writes no files.

    `history`: of how many blocks the states are kept, in memory; by default five hundred.
    FileNotFoundError if there is no anvil.
    """
    binary = find_anvil()
    if binary is None:
        raise FileNotFoundError("anvil was not found: run `make setup`")
    kept: Sequence[str] = ("--max-persisted-states", "0")
    if history is not None:
        kept = ("--prune-history", str(history))
    return [binary, "--port", str(port), "--hardfork", "cancun", "--quiet", *kept, *options]
