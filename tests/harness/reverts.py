"""Expecting a refusal by the name of its error."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tidegate.client.errors import ProtocolError


@contextmanager
def reverts(name: str) -> Iterator[None]:
    """The block ends in exactly this error of errors.vy, or a foreign contract's reason."""
    with pytest.raises(ProtocolError) as caught:
        yield
    assert caught.value.name == name
