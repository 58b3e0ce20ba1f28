"""Write the storage layout and the ABI of every contract to the snapshots, or compare them.

    python -m scripts.layout            write tests/snapshots/{layout,abi}/*.json
    python -m scripts.layout --check    change nothing; exit status 1 and a diff if they differ

A storage word that moves, or a selector that goes, then shows in review.
"""

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

from scripts._vyper import ROOT, SNAPSHOTS, Compiled, compile_all


def _text(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _abi_order(entry: dict[str, Any]) -> tuple[str, str, str]:
    """Order of the entries, so that moving a function in its file changes nothing here."""
    return (entry["type"], entry.get("name", ""), json.dumps(entry, sort_keys=True))


def snapshots(contracts: list[Compiled]) -> dict[Path, str]:
    """Every snapshot file with the text it should have."""
    files = {}
    for contract in contracts:
        file = f"{contract.name}.json"
        files[SNAPSHOTS / "layout" / file] = _text(contract.layout)
        files[SNAPSHOTS / "abi" / file] = _text(sorted(contract.abi, key=_abi_order))
    return files


def difference(path: Path, wanted: str) -> str:
    """A unified diff from the file as it is to the file as it should be; empty if equal."""
    found = path.read_text() if path.exists() else ""
    name = str(path.relative_to(ROOT))
    lines = difflib.unified_diff(
        found.splitlines(keepends=True), wanted.splitlines(keepends=True), name, "compiled now"
    )
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check

    wanted = snapshots(compile_all())
    present = {path for kind in ("layout", "abi") for path in (SNAPSHOTS / kind).glob("*.json")}
    stale = sorted(present - wanted.keys())
    diffs = {path: text for path in wanted if (text := difference(path, wanted[path]))}

    if check:
        for text in diffs.values():
            sys.stdout.write(text)
        for path in stale:
            print(f"no contract has this snapshot: {path.relative_to(ROOT)}")
        if diffs or stale:
            raise SystemExit("the snapshots differ; if that is meant, run `make layout`")
        print(f"{len(wanted)} snapshots agree")
        return

    for path in diffs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    for path in stale:
        path.unlink()
    print(f"{len(wanted)} snapshots, {len(diffs)} changed, {len(stale)} removed")


if __name__ == "__main__":
    main()
