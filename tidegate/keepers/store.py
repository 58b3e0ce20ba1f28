"""What a keeper keeps over a restart, in one SQLite file per deployment and sending address.

The settled journal with the block it is of; every transaction under way, written before it is
sent. Each write is one SQLite transaction in WAL mode: a process that is killed leaves the last
whole one.
Nothing secret is in it; signed transactions are public as soon as they are sent.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

VERSION = 2


@dataclass(frozen=True, slots=True)
class Saved:
    """The settled journal of a block."""

    number: int
    block_hash: str
    journal: str


@dataclass(frozen=True, slots=True)
class Row:
    """A transaction under way: one nonce, every variant of it that was sent."""

    nonce: int
    items: tuple[str, ...]
    to: str
    data: bytes
    gas: int
    label: str
    tries: tuple[tuple[str, str, int, int], ...]  # hash, raw, most, tip; wei per gas
    cancelled: bool = False


class Store:
    """One file; ":memory:" for tests and dry runs."""

    def __init__(self, path: Path | str, identity: str) -> None:
        """`identity`: chain, deployment and address. A file of another one is begun anew."""
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(
            """
            create table if not exists facts (name text primary key, value text not null);
            create table if not exists journal (
                one integer primary key check (one = 1),
                number integer not null, hash text not null, content text not null);
            create table if not exists outbox (
                nonce integer primary key, items text not null, target text not null,
                data blob not null, gas integer not null, label text not null,
                tries text not null, cancelled integer not null);
            """
        )
        self.renewed = self._identify(f"{VERSION} {identity}")

    def _identify(self, identity: str) -> bool:
        row = self._db.execute("select value from facts where name = 'identity'").fetchone()
        if row and row[0] == identity:
            return False
        with self._whole():
            self._clear()
            self._db.execute("insert or replace into facts values ('identity', ?)", (identity,))
        return row is not None

    def _clear(self) -> None:
        self._db.execute("delete from journal")
        self._db.execute("delete from outbox")

    def clear(self) -> None:
        """Forget everything but whose file it is."""
        with self._whole():
            self._clear()

    def save(self, saved: Saved) -> None:
        with self._whole():
            self._db.execute(
                "insert or replace into journal values (1, ?, ?, ?)",
                (saved.number, saved.block_hash, saved.journal),
            )

    def load(self) -> Saved | None:
        row = self._db.execute("select number, hash, content from journal").fetchone()
        return Saved(*row) if row else None

    def put(self, rows: Iterable[Row]) -> None:
        """Before the transactions go out."""
        with self._whole():
            self._db.executemany(
                "insert or replace into outbox values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        row.nonce,
                        json.dumps(row.items),
                        row.to,
                        row.data,
                        row.gas,
                        row.label,
                        json.dumps(row.tries),
                        int(row.cancelled),
                    )
                    for row in rows
                ],
            )

    def drop(self, nonces: Iterable[int]) -> None:
        with self._whole():
            self._db.executemany("delete from outbox where nonce = ?", [(n,) for n in nonces])

    def outbox(self) -> list[Row]:
        """By nonce."""
        return [
            Row(
                nonce,
                tuple(json.loads(items)),
                to,
                bytes(data),
                gas,
                label,
                tuple(map(tuple, json.loads(tries))),
                bool(cancelled),
            )
            for nonce, items, to, data, gas, label, tries, cancelled in self._db.execute(
                "select * from outbox order by nonce"
            )
        ]

    def close(self) -> None:
        self._db.close()

    def _whole(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    """All of the statements or none."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("begin immediate")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("commit" if kind is None else "rollback")
