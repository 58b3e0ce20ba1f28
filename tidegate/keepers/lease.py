"""Which of several keepers acts on an item: by a lease in a database, or by hash of the item.

A lease saves gas, never money: the contracts take every action once, whoever sends it. So when in
doubt two keepers may act, and an item that nobody acts on is the greater evil.

`LeaseSplit` keeps one row per item: holder, fencing token, expiry by the database's clock (the
keepers' own clocks do not matter). A keeper that cannot reach the database falls back to the hash
split, says so once, and looks again from time to time. The token grows with every change of hands:
ask `holds` right before sending, so that a keeper that was asleep longer than its lease sends
nothing.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

NO_TOKEN = 0  # of an item that was split by hash
LEASE_SECONDS = 20.0
RETRY_SECONDS = 5.0  # between two attempts to reach a lost database
CONNECT_SECONDS = 2
STATEMENT_MS = 2000
KEEP_SECONDS = 86_400.0  # rows that expired so long ago are removed
AT_ONCE = 500  # items of one statement: SQLite takes 32,766 parameters, fewer are easier on locks


class Split(Protocol):
    """How a keeper finds out what is its own."""

    def take(self, items: Mapping[str, float]) -> dict[str, int]:
        """Items to act on now, each with its fencing token.

        `items`: name of each -> seconds since it fell due, 0 if unknown. A name says what would be
        done to what ("execute 0x12ab"), the same in every keeper.
        """
        ...

    def holds(self, item: str, token: int) -> bool:
        """Whether the item is still this keeper's: ask right before sending."""
        ...

    def release(self, items: Mapping[str, int]) -> None:
        """Give items back, by name and token; those that passed on meanwhile stay as they are."""
        ...


class NotAShare(ValueError):
    """A share is k of n with 0 <= k < n."""


def rank(item: str, keeper: int, keepers: int) -> int:
    """How many keepers come before this one for the item: 0 is its owner."""
    first = int.from_bytes(hashlib.sha256(item.encode()).digest()[:8], "big") % keepers
    return (keeper - first) % keepers


@dataclass(frozen=True, slots=True)
class HashSplit:
    """Keeper k of n, without a database. Every item has one owner; all keepers name the same.

    `rescue`: an item due for so many seconds is the next keeper's too, after twice as long the
    one's after that. So a dead keeper delays its part, and leaves nothing undone.
    """

    keeper: int = 0
    keepers: int = 1
    rescue: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.keeper < self.keepers:
            raise NotAShare(f"keeper {self.keeper} of {self.keepers}: count from 0")
        if self.rescue <= 0:
            raise NotAShare(f"rescue after {self.rescue} s: give more than 0")

    def take(self, items: Mapping[str, float]) -> dict[str, int]:
        return {
            item: NO_TOKEN
            for item, overdue in items.items()
            if rank(item, self.keeper, self.keepers) <= max(overdue, 0) // self.rescue
        }

    def holds(self, item: str, token: int) -> bool:
        return token == NO_TOKEN

    def release(self, items: Mapping[str, int]) -> None:
        """Nothing is held."""


def parse_share(text: str) -> tuple[int, int]:
    """ "k/n", counted from 0, as (k, n)."""
    keeper, separator, keepers = text.partition("/")
    if not separator or not keeper.isdecimal() or not keepers.isdecimal():
        raise NotAShare(f"{text!r} is not k/n, e.g. 0/2")
    HashSplit(int(keeper), int(keepers))
    return int(keeper), int(keepers)


# Leases

# `now` is the database's own clock, in seconds; the same statements run on both.
_NOW = {
    "postgresql": "extract(epoch from clock_timestamp())",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}
_GREATER = {"postgresql": "greatest", "sqlite": "max"}
_TABLE = """
CREATE TABLE IF NOT EXISTS tidegate_leases (
    item TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    expires DOUBLE PRECISION NOT NULL
)
"""
# Compare and set in one statement: it takes a free row, an expired one, or renews its own; a row
# that another holds is left alone and not returned. The token of a new lease is the time in
# microseconds, or one more than the last: it grows even where the old row was removed.
_CLAIM = """
INSERT INTO tidegate_leases (item, holder, token, expires)
VALUES {rows}
ON CONFLICT (item) DO UPDATE SET
    token = CASE
        WHEN tidegate_leases.holder = excluded.holder AND tidegate_leases.expires > {now}
        THEN tidegate_leases.token
        ELSE {greater}(tidegate_leases.token + 1, excluded.token)
    END,
    holder = excluded.holder,
    expires = excluded.expires
WHERE tidegate_leases.expires <= {now} OR tidegate_leases.holder = excluded.holder
RETURNING item, token
"""
_ROW = "(:item{at}, :holder, CAST({now} * 1000000 AS BIGINT), {now} + :seconds)"
_HOLDS = """
SELECT 1 FROM tidegate_leases
WHERE item = :item AND holder = :holder AND token = :token AND expires > {now}
"""
_RELEASE = """
UPDATE tidegate_leases SET expires = 0
WHERE item = :item AND holder = :holder AND token = :token
"""
_PRUNE = "DELETE FROM tidegate_leases WHERE expires > 0 AND expires < {now} - :kept"
_PRUNE_RELEASED = """
DELETE FROM tidegate_leases WHERE expires = 0 AND token < ({now} - :kept) * 1000000
"""


def open_engine(url: str) -> sqlalchemy.Engine:
    """An engine for postgresql://... (through psycopg) or sqlite:///...; a lost server is noticed
    within two seconds."""
    if url.startswith("postgres://"):
        url = url.replace("postgres", "postgresql", 1)
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return sqlalchemy.create_engine(parsed, poolclass=NullPool)
    if parsed.get_backend_name() != "postgresql":
        raise ValueError(f"{parsed.get_backend_name()} is no database for leases: PostgreSQL is")
    return sqlalchemy.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=1,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c statement_timeout={STATEMENT_MS}",
            # A server that vanished without a word: no answer within two seconds is a failure.
            "tcp_user_timeout": CONNECT_SECONDS * 1000,
        },
    )


class LeaseSplit:
    """Items by lease, and by the hash split while the database cannot be reached.

    `holder` names this process and no other: two with one name would both hold what either took.
    `say` is told when the database is lost and when it is back. `monotonic` is for tests.
    """

    def __init__(
        self,
        engine: sqlalchemy.Engine,
        holder: str,
        fallback: HashSplit,
        say: Callable[[str], None],
        seconds: float = LEASE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.holder = holder
        self.fallback = fallback
        self.seconds = seconds
        self.lost_since: float | None = None  # monotonic; None while the database answers
        self._say = say
        self._monotonic = monotonic
        self._retry_at = 0.0
        self._ready = False
        self._prune_at = 0.0
        dialect = engine.dialect.name
        self._words = {"now": _NOW[dialect], "greater": _GREATER[dialect]}

    @property
    def by_lease(self) -> bool:
        """Whether items are split by lease at present."""
        return self.lost_since is None

    def take(self, items: Mapping[str, float]) -> dict[str, int]:
        if not items:
            return {}
        # one order for all keepers, or two of them could wait for each other's rows
        names = sorted(items)
        taken = self._ask(lambda connection: self._claim(connection, names))
        return self.fallback.take(items) if taken is None else taken

    def holds(self, item: str, token: int) -> bool:
        if token == NO_TOKEN:
            return True
        values = {"item": item, "holder": self.holder, "token": token}
        rows = self._ask(lambda connection: self._run(connection, _HOLDS, values).all())
        # Without an answer nobody can say: send. The contracts refuse what was done meanwhile.
        return rows is None or bool(rows)

    def release(self, items: Mapping[str, int]) -> None:
        values = [
            {"item": item, "holder": self.holder, "token": token}
            for item, token in sorted(items.items())
            if token != NO_TOKEN
        ]
        if values:
            self._ask(lambda connection: self._run(connection, _RELEASE, values))

    def _claim(self, connection: sqlalchemy.Connection, names: Sequence[str]) -> dict[str, int]:
        if self._monotonic() >= self._prune_at:
            self._prune_at = self._monotonic() + KEEP_SECONDS / 24
            self._run(connection, _PRUNE, {"kept": KEEP_SECONDS})
            self._run(connection, _PRUNE_RELEASED, {"kept": KEEP_SECONDS})
        taken: dict[str, int] = {}
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            rows = ", ".join(_ROW.format(at=at, **self._words) for at in range(len(some)))
            values: dict[str, Any] = {f"item{at}": name for at, name in enumerate(some)}
            values |= {"holder": self.holder, "seconds": self.seconds}
            taken |= dict(self._run(connection, _CLAIM, values, rows=rows).all())
        return taken

    def _run(
        self,
        connection: sqlalchemy.Connection,
        statement: str,
        values: dict[str, Any] | Iterable[dict[str, Any]],
        **words: str,
    ) -> Any:
        text = sqlalchemy.text(statement.format(**self._words, **words))
        return connection.execute(text, values)

    def _ask(self, question: Callable[[sqlalchemy.Connection], Any]) -> Any:
        """The answer of one transaction; None while the database is lost."""
        if self.lost_since is not None and self._monotonic() < self._retry_at:
            return None
        try:
            with self.engine.begin() as connection:
                if not self._ready:
                    connection.execute(sqlalchemy.text(_TABLE))
                    self._ready = True
                answer = question(connection)
        except DBAPIError as error:
            # After a restart the table may be another server's.
            self._ready = False
            self._retry_at = self._monotonic() + RETRY_SECONDS
            if self.lost_since is None:
                self.lost_since = self._monotonic()
                share = f"{self.fallback.keeper} of {self.fallback.keepers}"
                self._say(f"leases: database lost ({type(error.orig).__name__}); by hash: {share}")
            return None
        if self.lost_since is not None:
            gone = self._monotonic() - self.lost_since
            self.lost_since = None
            self._say(f"leases: database back after {gone:.0f} s; by lease again")
        return answer


def open_split(
    url: str | None, holder: str, keeper: int, keepers: int, say: Callable[[str], None]
) -> Split:
    """The split of a keeper: by lease where there is a database's URL, else by hash."""
    by_hash = HashSplit(keeper, keepers)
    return by_hash if url is None else LeaseSplit(open_engine(url), holder, by_hash, say)
