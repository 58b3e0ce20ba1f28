"""A comparison from the command line; the same run in process and on a node."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from tidegate.cli import main
from tidegate.simulation.compare import ALL, GENERATED, Task, in_process, play, same
from tidegate.simulation.crash_exchange import genesis
from tidegate.web3_chain import local_node

TASK = Task(replace(GENERATED, bars=70), ALL, 1, accounts=40)


@pytest.mark.anvil
def test_a_run_on_anvil_comes_to_the_same_to_the_last_digit():
    first = TASK.crash.replay(None).times[0]
    with local_node(genesis(first), say=lambda line: None) as chain:
        on_node = play(TASK, lambda timestamp: chain)
    assert on_node.liquidated > 0
    assert same(on_node, in_process(TASK))


def test_the_command_compares_on_bars_of_its_own_and_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("TIDEGATE_MARKET_DATA", raising=False)
    outputs = [tmp_path / name for name in ("rows.jsonl", "table.md", "picture.png")]
    command = ["demo", "--compare", "theory", "--seeds", "1", "--traders", "40", "--processes", "1"]
    for option, path in zip(("--report", "--table", "--picture"), outputs, strict=True):
        command += [option, str(path)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "TIDEGATE_MARKET_DATA names no folder" in done.output
    rows, table, picture = outputs
    assert len(rows.read_text().splitlines()) == 3
    assert "permanent, shuffled" in table.read_text()
    assert picture.stat().st_size > 10_000


def test_a_folder_without_the_bars_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEGATE_MARKET_DATA", str(tmp_path))
    done = CliRunner().invoke(main, ["demo", "--compare"])
    assert done.exit_code == 1
    assert "btcusdt_perp_5m_2025-10-05_15.csv" in done.output
