"""What the runner believes when it opens the service."""

import pytest

from tidegate.deployment import DeploymentError
from tidegate.keepers.running import Exit, Runner
from tidegate.keepers.settings import Settings
from tidegate.keepers.watch import Watch

OTHER_CODE = "PriceOracle at 0x11 has other code than deployed"


class Opened(Exception):
    """The service would run now."""


def _runner(monkeypatch, said, *answers):
    told = iter(answers)

    def open_(self):
        raise next(told)

    monkeypatch.setattr(Runner, "open", open_)
    return Runner(
        Settings(), "0x" + "11" * 20, None, Watch(), lambda event, **facts: said.append(event)
    )


def test_that_the_deployment_is_another_is_believed_when_it_is_said_twice(monkeypatch):
    said: list[str] = []
    runner = _runner(monkeypatch, said, *[DeploymentError(OTHER_CODE) for _ in range(2)])
    assert runner.run() is Exit.WRONG_CHAIN
    assert said == ["no deployment"]


def test_one_lie_at_the_start_ends_nothing(monkeypatch):
    said: list[str] = []
    runner = _runner(monkeypatch, said, DeploymentError(OTHER_CODE), Opened())
    with pytest.raises(Opened):
        runner.run()
    assert said == []
