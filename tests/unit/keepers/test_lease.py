"""Leases on SQLite, which runs the same statements; the real PostgreSQL at the end."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.postgres import Postgres, find_postgres
from tidegate.keepers.lease import (
    KEEP_SECONDS,
    NO_TOKEN,
    RETRY_SECONDS,
    HashSplit,
    LeaseSplit,
    NotAShare,
    open_engine,
    open_split,
    parse_share,
    rank,
)

ITEMS = {f"execute {number}": 0.0 for number in range(40)}


# By hash


@given(st.text(), st.integers(1, 9))
def test_every_item_has_one_owner(item, keepers):
    owners = [k for k in range(keepers) if HashSplit(k, keepers).take({item: 0})]
    assert len(owners) == 1


@given(st.text(), st.integers(1, 9), st.integers(0, 400))
def test_an_overdue_item_passes_on_keeper_by_keeper(item, keepers, overdue):
    owners = [k for k in range(keepers) if HashSplit(k, keepers, 30).take({item: overdue})]
    assert len(owners) == min(keepers, 1 + overdue // 30)
    assert all(rank(item, owner, keepers) <= overdue // 30 for owner in owners)


def test_by_hash_nothing_is_ever_lost():
    split = HashSplit(1, 2)
    assert split.holds("anything", NO_TOKEN)
    split.release({"anything": NO_TOKEN})


@pytest.mark.parametrize("text", ["2/2", "1", "a/2", "-1/2", "0/0", "1/2/3", ""])
def test_a_share_that_is_none(text):
    with pytest.raises(NotAShare):
        parse_share(text)


def test_a_share():
    assert parse_share("1/3") == (1, 3)
    with pytest.raises(NotAShare):
        HashSplit(0, 1, rescue=0)


def test_without_a_url_the_split_is_by_hash():
    assert open_split(None, "one", 1, 2, print) == HashSplit(1, 2)


def test_another_database_is_refused():
    with pytest.raises(ValueError, match="mysql is no database for leases"):
        open_engine("mysql://host/name")


# By lease


class Shop:
    """Keepers over one database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.said: list[str] = []
        self.time = 0.0
        self.engines: list[sqlalchemy.Engine] = []

    def keeper(self, name: str, number: int = 0, keepers: int = 2, seconds=20.0) -> LeaseSplit:
        engine = open_engine(self.url)
        self.engines.append(engine)
        fallback = HashSplit(number, keepers)
        return LeaseSplit(engine, name, fallback, self.said.append, seconds, lambda: self.time)

    def change(self, statement: str) -> None:
        with self.engines[0].begin() as connection:
            connection.execute(sqlalchemy.text(statement))

    def expire(self) -> None:
        self.change("UPDATE tidegate_leases SET expires = expires - 1000")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    binaries = find_postgres()
    if binaries is None:
        pytest.skip("PostgreSQL was not found: apt-get install postgresql")
    postgres = Postgres(binaries)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    if request.param == "sqlite":
        made = Shop(f"sqlite:///{tmp_path}/leases.db")
    else:
        made = Shop(request.getfixturevalue("server").url)
    yield made
    if request.param == "postgresql":
        made.change("DROP TABLE IF EXISTS tidegate_leases")
    for engine in made.engines:
        engine.dispose()


def test_an_item_has_one_holder(shop):
    one, other = shop.keeper("one"), shop.keeper("other")
    held = one.take(ITEMS)
    assert held.keys() == ITEMS.keys()
    assert other.take(ITEMS) == {}
    assert other.take({"execute 99": 0.0}).keys() == {"execute 99"}
    assert one.take({"execute 99": 0.0}) == {}


def test_taking_again_renews_with_the_same_token(shop):
    one = shop.keeper("one", seconds=1000.0)
    held = one.take(ITEMS)
    shop.expire()
    shop.change("UPDATE tidegate_leases SET expires = expires + 900")  # 900 s left
    assert one.take(ITEMS) == held
    shop.change("UPDATE tidegate_leases SET expires = expires - 950")  # renewed: 50 s are left
    assert shop.keeper("other").take(ITEMS) == {}


def test_an_expired_lease_passes_on_with_a_greater_token(shop):
    one, other = shop.keeper("one"), shop.keeper("other")
    held = one.take(ITEMS)
    shop.expire()
    assert not one.holds("execute 0", held["execute 0"])
    passed = other.take(ITEMS)
    assert all(passed[item] > held[item] for item in ITEMS)
    assert other.holds("execute 0", passed["execute 0"])
    assert not one.holds("execute 0", held["execute 0"])
    assert one.take(ITEMS) == {}


def test_an_own_lease_that_expired_is_another_one(shop):
    one = shop.keeper("one")
    held = one.take({"a": 0.0})["a"]
    shop.expire()
    assert one.take({"a": 0.0})["a"] > held
    assert not one.holds("a", held)


def test_a_released_item_is_free_at_once(shop):
    one, other = shop.keeper("one"), shop.keeper("other")
    held = one.take(ITEMS)
    one.release(held)
    passed = other.take(ITEMS)
    assert all(passed[item] > held[item] for item in ITEMS)


def test_a_stale_release_changes_nothing(shop):
    one, other = shop.keeper("one"), shop.keeper("other")
    held = one.take({"a": 0.0})
    shop.expire()
    passed = other.take({"a": 0.0})
    one.release(held)
    assert other.holds("a", passed["a"])


def test_a_token_grows_even_when_the_row_was_removed(shop):
    one, other = shop.keeper("one"), shop.keeper("other")
    held = one.take({"a": 0.0, "b": 0.0})
    one.release({"b": held["b"]})
    shop.change(f"UPDATE tidegate_leases SET expires = expires - {2 * KEEP_SECONDS} WHERE item='a'")
    shop.change(f"UPDATE tidegate_leases SET token = token - {int(2e6 * KEEP_SECONDS)}")
    other.take({"c": 0.0})
    with shop.engines[0].begin() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT item FROM tidegate_leases")).all()
    assert [tuple(row) for row in rows] == [("c",)]
    passed = other.take({"a": 0.0, "b": 0.0})
    assert passed["a"] > held["a"]
    assert passed["b"] > held["b"]


def test_keepers_that_race_share_without_overlap(shop):
    names = {f"item {number}": 0.0 for number in range(1200)}
    shop.keeper("first").take({"warm": 0.0})
    keepers = [shop.keeper(f"keeper {number}") for number in range(4)]
    taken: list[dict[str, int]] = []

    def work(keeper: LeaseSplit) -> None:
        for start in range(0, len(names), 100):
            some = dict(list(names.items())[start : start + 100])
            taken.append(keeper.take(some))

    threads = [threading.Thread(target=work, args=(keeper,)) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [item for some in taken for item in some]
    assert sorted(everything) == sorted(names)
    assert shop.said == []


def test_a_lost_database_falls_back_to_the_hash_split(shop, tmp_path):
    keepers = [shop.keeper(f"keeper {k}", k) for k in range(2)]
    keepers[0].take({"before": 0.0})
    engines = [keeper.engine for keeper in keepers]
    for keeper in keepers:
        keeper.engine = open_engine("postgresql://nobody@127.0.0.1:1/nothing")
    taken = [keeper.take(ITEMS) for keeper in keepers]
    assert taken == [HashSplit(k, 2).take(ITEMS) for k in range(2)]
    assert sorted([*taken[0], *taken[1]]) == sorted(ITEMS)
    assert not keepers[0].by_lease
    assert shop.said == [
        f"leases: database lost (OperationalError); by hash: {k} of 2" for k in range(2)
    ]
    assert keepers[0].holds("execute 0", 12345), "without an answer the contracts decide"
    keepers[0].release({"execute 0": 12345})
    # It is back, and asked again only after a while; a second loss would be said again.
    for keeper, engine in zip(keepers, engines, strict=True):
        keeper.engine = engine
    assert keepers[0].take(ITEMS) == taken[0]
    shop.time += RETRY_SECONDS
    assert keepers[0].take(ITEMS).keys() == ITEMS.keys()
    assert keepers[0].by_lease
    assert keepers[1].take(ITEMS) == {}
    assert shop.said[2:] == ["leases: database back after 5 s; by lease again"] * 2


def test_postgresql_restarts_in_the_middle(server):
    shop = Shop(server.url)
    one, other = shop.keeper("one", 0, seconds=1000.0), shop.keeper("other", 1)
    held = one.take({"a": 0.0, "b": 0.0})
    assert other.take({"a": 0.0}) == {}
    server.stop()
    try:
        by_hash = [one.take(ITEMS), other.take(ITEMS)]
        assert sorted([*by_hash[0], *by_hash[1]]) == sorted(ITEMS)
        assert len(shop.said) == 2
    finally:
        server.start()
    shop.time += RETRY_SECONDS
    # What was committed is there: the holder before the restart is the holder after it.
    assert other.take({"a": 0.0}) == {}
    assert one.holds("a", held["a"])
    assert one.take({"a": 0.0}) == {"a": held["a"]}
    assert one.by_lease
    assert other.by_lease
    shop.change("DROP TABLE tidegate_leases")
    for engine in shop.engines:
        engine.dispose()
