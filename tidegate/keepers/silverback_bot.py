"""The keepers under silverback, for who runs `silverback run` already:

    silverback run tidegate.keepers.silverback_bot:bot --network ethereum:devnet:node

Silverback brings blocks and a supervisor; everything else (nonces, fees, cursor, nodes, state) is
the service's own: `bot.nonce` and silverback's saved state are not used, since they jam after a
reset. Settings come from the TOML file that TIDEGATE_KEEPERS_CONFIG names, keys as docs/keepers.md
says. Nothing here raises into silverback for trouble that passes: it halts after three exceptions.
"""

import os
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tidegate.deployment import DeploymentError
from tidegate.keepers.cursor import Reset, Unsteady
from tidegate.keepers.endpoints import NoEndpoint
from tidegate.keepers.running import Runner
from tidegate.keepers.service import Service
from tidegate.web3_chain import RpcError

CONFIG = "TIDEGATE_KEEPERS_CONFIG"
INSTALL = "silverback is not installed: pip install 'tidegate[silverback]'"


class Adapter:
    """Turns blocks into ticks of one service, in one thread of its own."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.service: Service | None = None
        self._thread = ThreadPoolExecutor(1, "keepers")

    async def start(self) -> None:
        await self._run(self._open)

    async def block(self) -> dict[str, int]:
        """What silverback records of a block."""
        return await self._run(self._turn)

    async def stop(self) -> None:
        await self._run(self._end)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> None:
        try:
            self.service = self.runner.open()
        except (NoEndpoint, Unsteady, RpcError, DeploymentError) as trouble:
            self.runner.say("not open", why=str(trouble), then="tried again at the next block")

    def _turn(self) -> dict[str, int]:
        if self.service is None:
            self._open()
        if self.service is None:
            return {"open": 0}
        try:
            tick = self.runner.turn(self.service)
        except Reset as reset:
            self.runner.forget(self.service, reset)
            self.service = None
            return {"open": 0}
        done = 0 if tick is None else sum(outcome.done for outcome in tick.outcomes)
        return {"open": 1, "done": done, "under_way": self.service.lane.waiting}

    def _end(self) -> None:
        if self.service is not None:
            self.runner.end(self.service)
            self.service = None


def wire(bot: Any, blocks: Any, adapter: Adapter) -> Any:
    """Tell a bot whom to call: when it starts, at every block, when it ends."""

    # functions, since the bot renames its tasks; without types, by which it would decode arguments
    async def start(state):  # type: ignore[no-untyped-def]
        await adapter.start()

    async def new_block(block):  # type: ignore[no-untyped-def]
        return await adapter.block()

    async def stop():  # type: ignore[no-untyped-def]
        await adapter.stop()

    bot.on_startup()(start)
    bot.on_(blocks)(new_block)
    bot.on_shutdown()(stop)
    return bot


def make_bot() -> Any:
    """The bot; ImportError says what to install, SettingsError what to mend."""
    try:
        from silverback import SilverbackBot
    except ModuleNotFoundError as error:
        raise ImportError(INSTALL) from error
    from ape import chain

    from tidegate.keepers.commands import build_runner
    from tidegate.keepers.settings import load_settings

    file = os.environ.get(CONFIG)
    settings = load_settings(Path(file) if file else None, {})
    runner = build_runner(settings, os.environ.get("TIDEGATE_KEEPER_ACCOUNT"))
    return wire(SilverbackBot(), chain.blocks, Adapter(runner))


def __getattr__(name: str) -> Any:
    """`bot` is made when silverback asks for it, so that importing this needs no silverback."""
    if name != "bot":
        raise AttributeError(name)
    made = make_bot()
    globals()["bot"] = made
    return made
