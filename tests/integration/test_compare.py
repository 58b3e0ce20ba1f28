"""The same run of a comparison in process and on a node."""

from dataclasses import replace

import pytest

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
