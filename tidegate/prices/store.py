"""What a signer has said, on disk before anybody hears it.

One SQLite file per key and oracle. Whatever is in it was said or may have been; a second word for
the same turn is refused from then on, also by a process that starts after this one was killed. A
new file knows nothing of what its key said before: so it signs only slots that open after it was
made.
"""

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

from tidegate.client.price_message import REMEMBERED_SLOTS, Domain
from tidegate.prices.panel import Bid, Certificate

KEPT_SLOTS = 4 * REMEMBERED_SLOTS
_TABLES = """
CREATE TABLE IF NOT EXISTS identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    address TEXT NOT NULL, chain_id INTEGER NOT NULL, oracle TEXT NOT NULL, made REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS said (
    kind TEXT NOT NULL, feed INTEGER NOT NULL, slot INTEGER NOT NULL, view INTEGER NOT NULL,
    bid TEXT NOT NULL, PRIMARY KEY (kind, feed, slot, view)
);
CREATE TABLE IF NOT EXISTS signed (
    feed INTEGER NOT NULL, slot INTEGER NOT NULL, certificate TEXT NOT NULL,
    PRIMARY KEY (feed, slot)
);
"""


class StoreError(Exception):
    """The file is another signer's, in use, or unreadable."""


class Store:
    """Opened by one process at a time: SQLite's exclusive lock is held until it ends."""

    def __init__(self, path: Path, address: str, domain: Domain, now: float) -> None:
        self.path = path
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, timeout=0, check_same_thread=False)
            # FULL: a commit has reached the disk when it returns, a power cut does not undo it.
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            # One write to the disk a commit instead of three, 10 ms instead of 30.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript("BEGIN IMMEDIATE;" + _TABLES + "COMMIT;")
            with self._db:
                identity = (1, address, domain.chain_id, domain.oracle, now)
                self._db.execute("INSERT OR IGNORE INTO identity VALUES (?, ?, ?, ?, ?)", identity)
            found = self._db.execute("SELECT * FROM identity").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreError(f"{path} is in use: a signer of this key runs already") from None
            raise StoreError(f"{path}: {error}") from None
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path} is damaged ({error}): start with another file") from None
        if found[1:4] != identity[1:4]:
            self.close()
            raise StoreError(f"{path} is of {found[1]} for {found[3]} on chain {found[2]}")
        self.made: float = found[4]

    def close(self) -> None:
        self._db.close()

    def say(self, kind: str, bid: Bid) -> Bid:
        """Keep a proposal or a vote; what was kept for that turn before, if anything was."""
        key = (kind, bid.feed, bid.slot, bid.view)
        with self._lock, self._db:
            row = (*key, json.dumps(bid.to_json()))
            self._db.execute("INSERT OR IGNORE INTO said VALUES (?, ?, ?, ?, ?)", row)
        said = self.said(*key)
        assert said is not None
        return said

    def said(self, kind: str, feed: int, slot: int, view: int) -> Bid | None:
        rows = self._rows(
            "SELECT bid FROM said WHERE kind = ? AND feed = ? AND slot = ? AND view = ?",
            (kind, feed, slot, view),
        )
        return Bid.from_json(json.loads(rows[0][0])) if rows else None

    def newest_view(self, kind: str, feed: int, slot: int) -> int:
        """The highest view in which something was said; -1: none."""
        rows = self._rows(
            "SELECT max(view) FROM said WHERE kind = ? AND feed = ? AND slot = ?",
            (kind, feed, slot),
        )
        return -1 if rows[0][0] is None else int(rows[0][0])

    def sign(self, certificate: Certificate) -> Certificate:
        """Keep what is about to be signed; what holds for that slot, this or an earlier one."""
        bid = certificate.bid
        with self._lock, self._db:
            row = (bid.feed, bid.slot, json.dumps(certificate.to_json()))
            self._db.execute("INSERT OR IGNORE INTO signed VALUES (?, ?, ?)", row)
            oldest = self.newest(bid.feed) - KEPT_SLOTS
            for table in ("said", "signed"):
                gone = f"DELETE FROM {table} WHERE feed = ? AND slot < ?"
                self._db.execute(gone, (bid.feed, oldest))
        signed = self.signed(bid.feed, bid.slot)
        assert signed is not None
        return signed

    def signed(self, feed: int, slot: int) -> Certificate | None:
        """What was signed, or may have been, for a slot."""
        rows = self._rows(
            "SELECT certificate FROM signed WHERE feed = ? AND slot = ?", (feed, slot)
        )
        return Certificate.from_json(json.loads(rows[0][0])) if rows else None

    def newest(self, feed: int) -> int:
        """The newest slot signed; -1: none."""
        rows = self._rows("SELECT max(slot) FROM signed WHERE feed = ?", (feed,))
        return -1 if rows[0][0] is None else int(rows[0][0])

    def _rows(self, question: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            return self._db.execute(question, values).fetchall()
