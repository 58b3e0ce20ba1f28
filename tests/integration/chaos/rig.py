"""One node, one world, keepers that are started again when they die, and rounds of trouble."""

import itertools
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.chaos.judge import Verdict, judge, undone
from tests.integration.chaos.node import Node
from tests.integration.chaos.nursery import SPEED, WHERE, Life, Nursery
from tests.integration.chaos.proxy import Proxy, calm
from tests.integration.chaos.world import NIGHT, Tide, World
from tidegate.anvil import free_port
from tidegate.keepers.keys import KEY
from tidegate.keepers.running import Exit
from tidegate.local_accounts import local_account

GENESIS = 1_700_000_000
ROLES = ("liquidator", "order_executor", "vault_claims")
PATIENCE = 40.0  # seconds of ours for everything to be done after the trouble
LOOK_EVERY = 0.15  # seconds of ours
EVERY = 1 / SPEED  # seconds of ours per block
# As an operator's, but for sockets, which wait by the world's clock.
SETTINGS = """
timeout = "1"
metrics_port = 0
"""
UNHARMED = (Exit.NO_NODE, Exit.WRONG_CHAIN)  # what a supervisor starts again without a thought


@dataclass
class Outcome:
    """What a round came to. Recovery in blocks, a second each."""

    faults: int
    verdict: Verdict
    recovery: int
    restarts: int
    crashes: list[str]  # ends of keepers that nobody caused

    @property
    def fine(self) -> bool:
        return self.verdict.fine and not self.crashes

    def __str__(self) -> str:
        return "; ".join([*filter(None, [str(self.verdict)]), *self.crashes])


@dataclass
class Keeper:
    """One keeper with a name, a key and a state file, over however many lives."""

    nursery: Nursery
    name: str
    options: list[str]
    environ: dict[str, str]
    log: Path
    skew: float = 0.0  # seconds by which its clock is wrong
    life: Life | None = None
    restarts: int = 0
    expected: bool = False  # its next end is the rig's doing

    def start(self) -> None:
        self.expected = False
        self.life = self.nursery.start(self.options, self.environ, self.log, self.skew)

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        while self.life is None:  # it asks before we know its number
            time.sleep(0.001)
        self.expected = True
        self.life.kill()

    def watch(self) -> str | None:
        """Start it again if it has ended; how, unless that was the rig's doing."""
        assert self.life is not None
        if self.life.alive:
            return None
        harmless = self.expected or self.life.code in UNHARMED
        said = None if harmless else self._last_words(self.life.code)
        self.restarts += 1
        self.start()
        return said

    def _last_words(self, code: int | None) -> str:
        lines = self.log.read_text().splitlines() or ["nothing said"]
        return f"{self.name} ended with {code}: {' | '.join(lines[-3:])}"

    def stop(self) -> None:
        assert self.life is not None
        self.expected = True
        self.life.signal(signal.SIGTERM)
        try:
            self.life.end(5.0)
        except TimeoutError:
            self.life.kill()
            raise


@dataclass
class Rig:
    """Everything that is started once."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="tidegate-chaos-")))

    def __post_init__(self) -> None:
        self.nursery = Nursery()  # first: it must not inherit threads
        self.node = Node(free_port(), GENESIS)
        self.node.start()
        self.world = World(self.node, self.folder / "deployments")
        self.world.build()
        self.nursery.ready()
        self._rounds = itertools.count(1)

    def close(self) -> None:
        self.nursery.close()
        self.node.stop()
        shutil.rmtree(self.folder)

    def new_chain(self) -> None:
        """The node restarts with another chain, on which the exchange is deployed again."""
        with self.node.lock:
            self.node.reset()
            shutil.rmtree(self.world.folder)
            self.world.build()

    def round(self, seed: int, late: bool = False) -> "Round":
        self.world.rewind(late)
        folder = self.folder / f"round {next(self._rounds)}"
        folder.mkdir()
        return Round(self, seed, folder)


@dataclass
class Round:
    """One night with trouble. Use as a context; `settle` at the end gives the outcome."""

    rig: Rig
    seed: int
    folder: Path
    proxies: list[Proxy] = field(default_factory=list)
    keepers: list[Keeper] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    other_faults: int = 0  # those that no proxy injects

    def __enter__(self) -> "Round":
        self.restart_tide()
        return self

    def __exit__(self, *error: object) -> None:
        for keeper in self.keepers:
            if keeper.life is not None:
                keeper.kill()
        for proxy in self.proxies:
            proxy.close()
        self.tide.__exit__(*error)
        for proxy in self.proxies:
            if proxy.trouble is not None:
                raise proxy.trouble

    def proxy(self, **options: object) -> Proxy:
        made = Proxy(self.rig.node, self.seed + len(self.proxies), **options)  # type: ignore
        self.proxies.append(made)
        return made

    def keeper(
        self, *proxies: Proxy, skew: float = 0.0, lease: str | None = None, **options: str
    ) -> Keeper:
        """A keeper that begins now."""
        number = len(self.keepers)
        name = self.rig.world.keepers[number]
        made = Keeper(
            self.rig.nursery,
            name,
            arguments(self.rig.world, self.folder, [one.url for one in proxies], options),
            environment(name, lease),
            self.folder / f"{name}.log",
            skew,
        )
        self.keepers.append(made)
        made.start()
        return made

    def restart_tide(self) -> None:
        """At the beginning, and after the chain was replaced."""
        self.tide = Tide(self.rig.world, self.seed, EVERY)
        self.tide.__enter__()

    def watch(self) -> None:
        for keeper in self.keepers:
            said = keeper.watch()
            if said is not None:
                self.crashes.append(said)

    def wait(self, age: int) -> None:
        """Until the night is so old, with everybody started again who dies."""
        self.until(lambda: self.tide.age >= age)

    def until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
        """Whether it came true in time."""
        deadline = time.monotonic() + patience
        while not condition():
            if self.tide.trouble is not None:
                raise self.tide.trouble
            if time.monotonic() > deadline:
                return False
            self.watch()
            time.sleep(0.01)
        return True

    def settle(self, age: int = NIGHT) -> Outcome:
        """No more trouble: wait for the end of the night and for everything to be done."""
        for proxy in self.proxies:
            proxy.schedule, proxy.lag, proxy.kill = calm, 0, None
        self.tide.full = True
        since = self.tide.age
        self.wait(age)
        world, reached = self.rig.world, [self.tide.age]

        def done() -> bool:
            # Looking holds the node up: not all the time.
            time.sleep(LOOK_EVERY)
            with world.node.lock:
                reached[0] = self.tide.age
                return not undone(world, world.events())

        if not self.until(done):
            for keeper in self.keepers:
                assert keeper.life is not None
                keeper.life.signal(WHERE)
            time.sleep(0.1)
        return Outcome(
            faults=sum(proxy.faults for proxy in self.proxies) + self.other_faults,
            verdict=judge(world),
            recovery=reached[0] - max(since, age),
            restarts=sum(keeper.restarts for keeper in self.keepers),
            crashes=self.crashes,
        )


def arguments(world: World, folder: Path, urls: list[str], options: dict[str, str]) -> list[str]:
    """Of `tidegate`."""
    settings = folder / "keeper.toml"
    settings.write_text(SETTINGS)
    made = ["keepers", "run", "--config", str(settings), "--manifests", str(world.folder)]
    made += ["--state", str(folder), "--roles", ",".join(ROLES)]
    for url in urls:
        made += ["--rpc", url]
    for key, value in options.items():
        made += [f"--{key.replace('_', '-')}", value]
    return made


def environment(name: str, lease: str | None) -> dict[str, str]:
    made = {KEY: local_account(name).key.hex()}
    return {**made, "TIDEGATE_LEASE_URL": lease} if lease else made
