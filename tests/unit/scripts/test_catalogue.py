"""The catalogue of attacks has no orphan, and an orphan of each kind is found."""

import pytest

from scripts import catalogue
from scripts.catalogue import CATALOGUE, Entry

TEXT = 'text = "a mechanism in our words"\n'


def entry(name: str, *tests: str) -> Entry:
    return Entry(name, "a mechanism in our words", "tests", tests)


def whole(*tests: str) -> list[Entry]:
    return [entry(name, *tests) for name in catalogue.expected()]


def test_every_attack_has_an_answer_that_exists():
    """As `make catalogue`: ids without gaps, tests that collect, files that are named."""
    entries, wrong = catalogue.read(CATALOGUE.read_text())
    files = {test.partition("::")[0] for item in entries for test in item.tests}
    collected = catalogue.collect(files)
    assert wrong == []
    assert catalogue.orphans(entries, collected, catalogue.attack_files()) == []
    assert len(entries) == 128


def test_no_two_attacks_are_described_alike():
    entries, _ = catalogue.read(CATALOGUE.read_text())
    assert len({item.text for item in entries}) == len(entries)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (TEXT, "0 answers"),
        (TEXT + 'reason = ""\n', "0 answers"),
        (TEXT + 'tests = ["a::b"]\nreason = "because"\n', "2 answers"),
        (TEXT + "tests = []\n", "0 answers"),
        ('text = "short"\nreason = "because"\n', "a description"),
        ('reason = "because"\n', "a description"),
        (TEXT + 'reason = "because"\nopen = "a part"\n', "partly open"),
        (TEXT + 'reason = "because"\ncomment = "?"\n', "unknown comment"),
    ],
)
def test_an_entry_of_bad_form_is_told(fields: str, complaint: str):
    _, wrong = catalogue.read(f'[[attack]]\nid = "A1"\n{fields}')
    assert len(wrong) == 1
    assert complaint in wrong[0]


def test_orphans_of_every_kind_are_found():
    good, file = "tests/attacks/test_a.py::test_b", "tests/attacks/test_a.py"
    assert catalogue.orphans(whole(good), {good}, [file]) == []
    assert catalogue.orphans(whole(good), set(), [file])[0] == f"A1: {good} does not collect"
    other = "tests/attacks/test_other.py"
    assert catalogue.orphans(whole(good), {good}, [file, other]) == [
        f"{other}: no entry names a test of it"
    ]
    missing = [item for item in whole(good) if item.id != "C7"]
    assert catalogue.orphans(missing, {good}, [file]) == ["C7: no entry"]
    doubled = [*whole(good), entry("C7", good)]
    assert catalogue.orphans(doubled, {good}, [file]) == ["C7: 2 entries"]
    strange = [*whole(good), entry("Z1", good)]
    assert catalogue.orphans(strange, {good}, [file]) == ["Z1: not an id of the catalogue"]
    assert catalogue.orphans(whole(good)[::-1], {good}, [file]) == ["the entries are out of order"]


def test_only_what_pytest_collects_exists():
    found = catalogue.collect(["tests/unit/scripts/test_catalogue.py", "tests/no_such_file.py"])
    name = "tests/unit/scripts/test_catalogue.py::test_an_entry_of_bad_form_is_told"
    assert name in found
    assert f"{name}_not" not in found


def test_the_table_counts_each_entry_once():
    entries, _ = catalogue.read(CATALOGUE.read_text())
    sums = [int(cell) for cell in catalogue.table(entries).splitlines()[-1].split()]
    assert sum(sums[:-1]) == sums[-1] == len(entries)
