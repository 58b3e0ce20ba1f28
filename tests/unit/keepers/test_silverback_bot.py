"""The wiring to silverback, with a double that keeps what it is told."""

import asyncio
import importlib.util

import pytest

from tidegate.client.calls import Outcome, Transaction
from tidegate.keepers import silverback_bot
from tidegate.keepers.cursor import Reset
from tidegate.keepers.endpoints import NoEndpoint
from tidegate.keepers.service import Tick
from tidegate.keepers.silverback_bot import Adapter, wire


class Bot:
    """As much of silverback's bot as is used: decorators."""

    def __init__(self):
        self.tasks = {}

    def on_startup(self):
        return lambda task: self.tasks.setdefault("startup", task)

    def on_shutdown(self):
        return lambda task: self.tasks.setdefault("shutdown", task)

    def on_(self, container):
        return lambda task: self.tasks.setdefault(container, task)


class Service:
    class lane:
        waiting = 3


class Runner:
    """Opens on the second try; its third turn finds another chain."""

    def __init__(self):
        self.did = []
        self.turns = 0

    def say(self, event, **facts):
        self.did.append(event)

    def open(self):
        if "not open" not in self.did:
            raise NoEndpoint("nobody")
        self.did.append("opened")
        return Service()

    def turn(self, service):
        self.turns += 1
        if self.turns == 3:
            raise Reset("gone")
        if self.turns == 2:
            return None  # trouble that passes
        done = Outcome(Transaction(None, "f", (), "0x"), receipt=object())
        return Tick(1, (done,), True)

    def forget(self, service, reset):
        self.did.append("forgot")

    def end(self, service):
        self.did.append("ended")


def test_blocks_become_ticks_and_no_trouble_reaches_the_bot():
    runner = Runner()
    bot = wire(Bot(), "blocks", Adapter(runner))

    async def life():
        await bot.tasks["startup"]("state")
        seen = [await bot.tasks["blocks"](number) for number in range(5)]
        await bot.tasks["shutdown"]()
        return seen

    seen = asyncio.run(life())
    assert runner.did == ["not open", "opened", "forgot", "opened", "ended"]
    fine = {"open": 1, "under_way": 3}
    done, nothing = {**fine, "done": 1}, {**fine, "done": 0}
    assert seen == [done, nothing, {"open": 0}, done, done]


def test_without_silverback_it_says_what_to_install():
    if importlib.util.find_spec("silverback"):
        pytest.skip("silverback is installed")
    with pytest.raises(ImportError, match="tidegate\\[silverback\\]"):
        silverback_bot.bot  # noqa: B018


def test_silverback_has_what_is_used():
    silverback = pytest.importorskip("silverback", reason="the extra is not installed")
    for name in ("on_startup", "on_", "on_shutdown"):
        assert hasattr(silverback.SilverbackBot, name)


def test_other_names_are_no_attributes():
    with pytest.raises(AttributeError):
        silverback_bot.robot  # noqa: B018
