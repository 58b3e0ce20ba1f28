"""All that can happen in one life."""

from random import Random

from tests.stateful.cash_actions import CashActions
from tests.stateful.corner_actions import CornerActions
from tests.stateful.loss_actions import LossActions
from tests.stateful.order_actions import OrderActions
from tests.stateful.share_actions import ShareActions
from tests.stateful.trade_actions import TradeActions


class Life(CashActions, TradeActions, OrderActions, LossActions, ShareActions, CornerActions):
    """Its actions by name, each from a seed."""

    def act(self, name: str, seed: object) -> None:
        getattr(self, name)(Random(seed))
