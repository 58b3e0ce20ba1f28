"""`ape run deploy` as a person starts it, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tidegate.artifacts import ROOT

DEVNET_PORT = 8645  # of ape-config.yaml; tests that use it share the xdist group "devnet"
TIMEOUT = 240  # seconds


def ape_deploy(network: str, folder: Path, *options: str) -> str:
    """What the script prints; it must succeed."""
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    command = [str(binaries / "ape"), "run", "deploy", "--network", network]
    done = subprocess.run(
        [*command, "--manifests", str(folder), *options],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
