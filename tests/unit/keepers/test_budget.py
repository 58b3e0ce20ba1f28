"""Retries, pauses, the dead and their forgiveness."""

from tidegate.keepers.budget import Budget


def test_a_new_item_is_allowed():
    assert Budget().allows("a", 0.0)


def test_it_pauses_after_each_failure_twice_as_long():
    budget = Budget(pause=1.0)
    budget.failed(["a"], "X", 10.0)
    assert not budget.allows("a", 10.9)
    assert budget.allows("a", 11.0)
    budget.failed(["a"], "X", 11.0)
    assert not budget.allows("a", 12.9)
    assert budget.allows("a", 13.0)


def test_it_dies_once_of_its_last_failure_and_is_forgiven_after_a_time():
    budget = Budget(retries=2, forgive_after=100.0)
    assert budget.failed(["a"], "X", 0.0) == []
    [dead] = budget.failed(["a"], "Y", 1.0)
    assert (dead.item, dead.reason, dead.since) == ("a", "Y", 1.0)
    assert budget.failed(["a"], "Z", 2.0) == []
    assert not budget.allows("a", 100.9)
    assert budget.allows("a", 101.0)
    assert budget.dead == {}


def test_success_clears_failures():
    budget = Budget(retries=2)
    budget.failed(["a"], "X", 0.0)
    budget.done("a")
    assert budget.failed(["a"], "X", 0.0) == []


def test_the_list_of_the_dead_is_bounded_and_the_oldest_is_forgiven():
    budget = Budget(retries=1, most_dead=2)
    budget.failed(["a", "b", "c"], "X", 0.0)
    assert list(budget.dead) == ["b", "c"]
    assert budget.allows("a", 0.0)


def test_a_sweep_forgives_what_is_due_without_being_asked():
    budget = Budget(retries=1, forgive_after=10.0)
    budget.failed(["a"], "X", 0.0)
    budget.sweep(9.9)
    assert list(budget.dead) == ["a"]
    budget.sweep(10.0)
    assert budget.dead == {}
    assert budget._failures == {}
