"""What the contracts' twins share: the time, and a journal that takes a refused call back whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tidegate.client.errors import ProtocolError

Key = TypeVar("Key")
Value = TypeVar("Value")

_ABSENT = object()


class Host:
    """The present second, and what the running call has overwritten."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.touched: list[tuple[dict[Any, Any], Any]] = []  # for who compares; theirs to clear
        self._overwritten: list[tuple[dict[Any, Any], Any, Any]] = []

    @contextmanager
    def call(self) -> Iterator[None]:
        """All of what happens inside, or nothing; may be nested."""
        mark = len(self._overwritten)
        try:
            yield
        except (ProtocolError, OverflowError):
            while len(self._overwritten) > mark:
                table, key, old = self._overwritten.pop()
                if old is _ABSENT:
                    dict.__delitem__(table, key)
                else:
                    dict.__setitem__(table, key, old)
            raise
        finally:
            if mark == 0:
                self._overwritten.clear()

    def remember(self, table: dict[Any, Any], key: Any) -> None:
        self._overwritten.append((table, key, table.get(key, _ABSENT)))
        self.touched.append((table, key))


class Table(dict[Key, Value]):
    """Contract storage: absent keys read as the default, writes are journaled."""

    def __init__(self, host: Host, default: Value) -> None:
        super().__init__()
        self._host = host
        self._default = default

    def __missing__(self, key: Key) -> Value:
        return self._default

    def __setitem__(self, key: Key, value: Value) -> None:
        self._host.remember(self, key)
        super().__setitem__(key, value)


def require(ok: bool, error: str) -> None:
    """Refuses with the contracts' error of this name (contracts/libraries/errors.vy)."""
    if not ok:
        raise ProtocolError(error)
