"""The lenses over a whole exchange, with a trader who holds both markets."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.harness.system import BTC, ETH, System
from tidegate.client.errors import name_of
from tidegate.client.orders import Order


@dataclass
class View:
    """The lenses, and the system they look at."""

    system: System
    account: int

    def __call__(self, fn: str, *args: Any) -> list[Any]:
        deployment = self.system.deployment
        of_accounts = fn in ("health", "positions", "candidates")
        lens = deployment.lens_accounts if of_accounts else deployment.lens_markets
        return lens.call(fn, *args)

    def preview(self, order: Order, price: int = 0) -> Any:
        [preview] = self("preview", [order], [price])
        return preview

    def refusals(self, order: Order, price: int = 0) -> list[str]:
        return [name_of(selector) for selector in self.preview(order, price).refusals]


@pytest.fixture
def view(funded: System, trader: str, keeper: str) -> View:
    """The trader has 10,000, half a BTC long and 4 ETH short."""
    account = funded.fund(trader, 10_000)
    funded.fund(keeper, 10)
    funded.trade(account, BTC, "0.5")
    funded.trade(account, ETH, -4)
    return View(funded, account)
