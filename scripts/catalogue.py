"""The catalogue of attacks: what answers each, counted; anything unanswered ends in an error.

    python -m scripts.catalogue            the counts by section
    python -m scripts.catalogue --open     and every entry that is open, or not built

tests/attacks/catalogue.toml has one entry for each way in which such systems failed before. An
entry has an id, a line in our words, and exactly one of

    tests       ids as pytest writes them, without parameters; each must collect
    reason      why it cannot happen here, or is not claimed
    not_built   which part is missing, that would need the defence

and, beside tests, it may have `open`: what of it is known not to hold, or not shown yet. An orphan
is an error: a test that does not collect, an id that is missing or doubled, an entry without an
answer, a file of tests/attacks that no entry names.
"""

import argparse
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from scripts._vyper import ROOT

CATALOGUE = ROOT / "tests" / "attacks" / "catalogue.toml"
ATTACKS = ROOT / "tests" / "attacks"
# How many mechanisms each section has.
SECTIONS = {
    "A": ("prices", 16),
    "B": ("the vault", 13),
    "C": ("positions and margin", 16),
    "D": ("funding", 10),
    "E": ("liquidation", 18),
    "F": ("orders and keepers", 14),
    "G": ("dated and inverse", 11),
    "H": ("authority", 16),
    "I": ("platform", 14),
}
ANSWERS = ("tests", "reason", "not_built")
LONGEST = 160  # characters of a description


@dataclass(frozen=True)
class Entry:
    """One mechanism and its answer."""

    id: str
    text: str
    answer: str  # one of ANSWERS
    tests: tuple[str, ...] = ()
    open: str = ""
    note: str = ""  # the reason, or what is not built

    @property
    def status(self) -> str:
        if self.answer == "tests":
            return "open" if self.open else "tested"
        return self.answer


def read(text: str) -> tuple[list[Entry], list[str]]:
    """The entries, and what is wrong with their form."""
    entries, wrong = [], []
    for raw in tomllib.loads(text)["attack"]:
        name = raw.get("id", "?")
        answers = [answer for answer in ANSWERS if raw.get(answer)]
        unknown = raw.keys() - {"id", "text", "open", *ANSWERS}
        if unknown:
            wrong.append(f"{name}: unknown {', '.join(sorted(unknown))}")
        if len(answers) != 1:
            wrong.append(f"{name}: {len(answers)} answers of {', '.join(ANSWERS)}, not one")
            continue
        if not 10 <= len(raw.get("text", "")) <= LONGEST:
            wrong.append(f"{name}: a description of 10 to {LONGEST} characters is missing")
        if raw.get("open") and answers != ["tests"]:
            wrong.append(f"{name}: only what is tested can be partly open")
        entries.append(_entry(raw, answers[0]))
    return entries, wrong


def _entry(raw: dict[str, Any], answer: str) -> Entry:
    tests = tuple(raw["tests"]) if answer == "tests" else ()
    note = "" if answer == "tests" else raw[answer]
    return Entry(raw["id"], raw.get("text", ""), answer, tests, raw.get("open", ""), note)


def expected() -> list[str]:
    """Every id, in order."""
    return [f"{name}{n}" for name, (_, count) in SECTIONS.items() for n in range(1, count + 1)]


def orphans(entries: list[Entry], collected: set[str], files: Iterable[str]) -> list[str]:
    """Ids, tests and files that do not meet. `files` are those of tests/attacks."""
    wrong = []
    ids = [entry.id for entry in entries]
    wanted = expected()
    wrong += [f"{name}: no entry" for name in wanted if name not in ids]
    wrong += [f"{name}: not an id of the catalogue" for name in ids if name not in wanted]
    wrong += [f"{name}: {count} entries" for name, count in Counter(ids).items() if count > 1]
    if not wrong and ids != wanted:
        wrong.append("the entries are out of order")
    for entry in entries:
        wrong += [
            f"{entry.id}: {test} does not collect" for test in entry.tests if test not in collected
        ]
    named = {test.partition("::")[0] for entry in entries for test in entry.tests}
    wrong += [f"{file}: no entry names a test of it" for file in sorted(files) if file not in named]
    return wrong


def attack_files() -> list[str]:
    return [str(path.relative_to(ROOT)) for path in ATTACKS.glob("test_*.py")]


def collect(files: Iterable[str]) -> set[str]:
    """Ids of the tests in these files, without parameters, as pytest finds them."""
    present = sorted({file for file in files if (ROOT / file).exists()})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    # of its own: not a worker of the pytest that may be running this
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    done = subprocess.run(
        [*command, "-o", "addopts=--import-mode=importlib -p no:ape_test", *present],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        # the errors stand behind the ids of what does collect
        told = [line for line in done.stdout.splitlines() if "::" not in line]
        raise SystemExit("\n".join(["the tests do not collect:", *told[-40:], done.stderr]))
    return _ids(done.stdout)


def _ids(output: str) -> set[str]:
    lines = (line.strip() for line in output.splitlines())
    return {line.partition("[")[0] for line in lines if "::" in line}


def table(entries: list[Entry]) -> str:
    """Counts by section and status."""
    columns = ("tested", "open", "reason", "not_built")
    heads = ("tested", "tested, partly open", "not applicable", "not built", "all")
    lines = [f"{'':24}" + "".join(f"{head:>21}" for head in heads)]
    for name, (title, _) in SECTIONS.items():
        own = [entry.status for entry in entries if entry.id.startswith(name)]
        counts = [own.count(column) for column in columns]
        cells = "".join(f"{count:>21}" for count in (*counts, len(own)))
        lines.append(f"{name} {title:22}{cells}")
    counts = [sum(entry.status == column for entry in entries) for column in columns]
    lines.append(f"{'':24}" + "".join(f"{count:>21}" for count in (*counts, len(entries))))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--open", action="store_true", help="list what is open or not built")
    show = parser.parse_args().open

    entries, wrong = read(CATALOGUE.read_text())
    files = {test.partition("::")[0] for entry in entries for test in entry.tests}
    wrong += orphans(entries, collect(files), attack_files())
    print(table(entries))
    if show:
        for entry in entries:
            if entry.status in ("open", "not_built"):
                print(f"{entry.id}: {entry.text}\n    {entry.status}: {entry.open or entry.note}")
    for line in wrong:
        print(line)
    if wrong:
        raise SystemExit(f"{len(wrong)} orphans in {CATALOGUE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
