import pytest

from tests.harness.breaker import Bench


@pytest.fixture
def bench() -> Bench:
    """A calm market at 60,000 whose K is 5,000; never poked."""
    return Bench()
