"""Put the pinned anvil binary into .venv/bin, or say why the embedded chain will be used.

The binary comes inside an npm package, so it is fetched with the npm client: the one on PATH, or
the one of the locked dependency group `node`. Its tarball must have the sha512 written below.
Only the standard library is used. The exit status is 0 without anvil too, because the demo and the
tests then run on the embedded chain (eth-tester); it is 1 only when a tarball fails its checksum.
"""

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "1.7.1"

# (system, machine) -> npm package and the integrity of its tarball, as npm writes it.
PACKAGES = {
    ("Linux", "x86_64"): (
        "@foundry-rs/anvil-linux-amd64",
        "sha512-+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
    ),
}
MEMBER = "package/bin/anvil"

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
ANVIL = BIN / "anvil"
NPM_TIMEOUT = 300  # seconds
VERSION_TIMEOUT = 20


class Unavailable(Exception):
    """This machine cannot have anvil now; the text says why."""


def installed_version(binary: Path) -> str | None:
    """The version a binary reports, or None when it is missing or does not run."""
    try:
        answer = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = answer.stdout.split()
    # "anvil Version: 1.7.1-v1.7.1 (...)" and "anvil 1.7.1-stable" have both been seen.
    return next((word.split("-")[0] for word in words if word[:1].isdigit()), None)


def find_npm() -> str:
    """npm from PATH, else from the locked dependency group `node`."""
    npm = shutil.which("npm")
    if npm:
        return npm
    print("anvil: no npm on PATH, installing the locked group 'node'", flush=True)
    sync = [sys.executable, "-m", "uv", "sync", "--locked", "--quiet", "--group", "node"]
    try:
        subprocess.run(sync, cwd=ROOT, check=True, timeout=NPM_TIMEOUT)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"no npm on PATH and none could be installed ({error})") from error
    npm = shutil.which("npm", path=str(BIN))
    if not npm:
        raise Unavailable("the group 'node' brought no npm")
    return npm


def download(package: str, folder: Path) -> Path:
    """The package's tarball, fetched by `npm pack` into the folder."""
    npm = find_npm()
    spec = f"{package}@{VERSION}"
    print(f"anvil: fetching {spec}", flush=True)
    # npm's own launcher needs the node beside it.
    path = os.pathsep.join([str(Path(npm).parent), os.environ.get("PATH", "")])
    try:
        done = subprocess.run(
            [npm, "pack", spec, "--ignore-scripts", "--silent"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=NPM_TIMEOUT,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"npm pack did not run ({error})") from error
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode or len(tarballs) != 1:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(f"npm pack failed ({lines[-1] if lines else 'no message'})")
    return tarballs[0]


def check_integrity(tarball: Path, integrity: str) -> None:
    """Stop the set-up when the tarball is not the pinned one."""
    digest = hashlib.sha512(tarball.read_bytes()).digest()
    found = "sha512-" + base64.b64encode(digest).decode()
    if found != integrity:
        sys.exit(f"anvil: checksum mismatch, nothing installed\n  want {integrity}\n  got  {found}")


def extract(tarball: Path) -> None:
    """Write the binary beside its final place, then move it there in one step."""
    BIN.mkdir(parents=True, exist_ok=True)
    partial = BIN / f".anvil.{os.getpid()}"
    try:
        with tarfile.open(tarball) as archive:
            source = archive.extractfile(MEMBER)
            if source is None:
                raise Unavailable(f"the package has no {MEMBER}")
            with partial.open("wb") as target:
                shutil.copyfileobj(source, target)
        partial.chmod(0o755)
        version = installed_version(partial)
        if version != VERSION:
            raise Unavailable(f"the binary does not run here (it reports {version})")
        partial.replace(ANVIL)
    except KeyError as error:
        raise Unavailable(f"the package has no {MEMBER}") from error
    finally:
        partial.unlink(missing_ok=True)


def main() -> None:
    if installed_version(ANVIL) == VERSION:
        print(f"anvil: {VERSION} is in place")
        return
    system, machine = platform.system(), platform.machine()
    try:
        if (system, machine) not in PACKAGES:
            raise Unavailable(f"no pinned package for {system} {machine}")
        package, integrity = PACKAGES[system, machine]
        with tempfile.TemporaryDirectory() as folder:
            tarball = download(package, Path(folder))
            check_integrity(tarball, integrity)
            extract(tarball)
    except Unavailable as reason:
        print(f"anvil: not installed: {reason}.")
        print("anvil: demo and tests will use the embedded chain (eth-tester).")
        return
    print(f"anvil: {VERSION} installed in {ANVIL.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
