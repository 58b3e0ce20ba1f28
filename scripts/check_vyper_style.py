"""Check the Vyper sources: the formatter, and the house rules no formatter knows.

    python -m scripts.check_vyper_style [--fix] [FILES]

mamushi formats. Beside it, every file carries the four pragmas (`nonreentrancy` is per file: a
function exported from a module without it has no lock), every deployable says in `@custom:kill`
how it is stopped, and a file's case tells what it is. `--fix` lets mamushi rewrite the files.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINE_LENGTH = 120
PRAGMAS = {
    "# pragma version ==0.4.3",
    "# pragma evm-version cancun",
    "# pragma optimize gas",
    "# pragma nonreentrancy on",
}
# The compiler takes the other pragmas from the contract that imports the interface.
INTERFACE_PRAGMAS = {"# pragma version ==0.4.3"}

CONTRACT = re.compile(r"[A-Z][A-Za-z0-9]*\.vy")
MODULE = re.compile(r"[a-z][a-z0-9_]*\.vy")
INTERFACE = re.compile(r"I[A-Z][A-Za-z0-9]*\.vyi")


def house_rules(path: Path) -> list[str]:
    """What is wrong with one file, each as `line: text`."""
    text = path.read_text()
    lines = text.splitlines()
    wrong = []

    if not any(form.fullmatch(path.name) for form in (CONTRACT, MODULE, INTERFACE)):
        wrong.append("1: name is neither CamelCase.vy, snake_case.vy nor IName.vyi")
    wanted = INTERFACE_PRAGMAS if path.suffix == ".vyi" else PRAGMAS
    # One contract may trade gas for bytes; docs/decisions say which and why.
    held = {line.strip().replace("optimize codesize", "optimize gas") for line in lines}
    if "mocks" in path.parts:  # a double may have to be reentered
        held |= {line.replace("nonreentrancy off", "nonreentrancy on") for line in held}
    missing = wanted - held
    wrong += [f"1: missing '{pragma}'" for pragma in sorted(missing)]
    if CONTRACT.fullmatch(path.name) and "@custom:kill" not in text:
        wrong.append("1: no @custom:kill in the docstring: how is this contract stopped?")

    for number, line in enumerate(lines, 1):
        if "\t" in line:
            wrong.append(f"{number}: tab")
        if line != line.rstrip():
            wrong.append(f"{number}: trailing whitespace")
        # mamushi leaves comments and docstrings alone, however long.
        if len(line) > LINE_LENGTH:
            wrong.append(f"{number}: {len(line)} columns, more than {LINE_LENGTH}")
    return wrong


def run_mamushi(files: list[Path], fix: bool) -> bool:
    """Format the files, or show what the formatter would change; True if there is nothing to do."""
    mamushi = Path(sys.executable).with_name("mamushi")
    base = [mamushi, "--line-length", str(LINE_LENGTH), "--quiet"]
    if fix:
        return subprocess.run([*base, *files]).returncode == 0
    if subprocess.run([*base, "--check", *files]).returncode == 0:
        return True
    subprocess.run([*base, "--diff", *files])
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true", help="let the formatter rewrite the files")
    parser.add_argument("files", nargs="*", type=Path, help="default: everything in contracts/")
    arguments = parser.parse_args()

    files = arguments.files or sorted((ROOT / "contracts").rglob("*.vy*"))
    files = [path.resolve() for path in files if path.suffix in {".vy", ".vyi"}]
    if not files:
        return
    good = run_mamushi(files, arguments.fix)
    for path in files:
        for wrong in house_rules(path):
            print(f"{path.relative_to(ROOT)}:{wrong}")
            good = False
    if not good:
        raise SystemExit("Vyper style: see above; `make format` repairs the formatting")
    print(f"Vyper style: {len(files)} files are fine")


if __name__ == "__main__":
    main()
