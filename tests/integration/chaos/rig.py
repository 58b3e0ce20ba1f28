"""One node, one world, keepers that are started again when they die, and rounds of trouble."""

import itertools
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.chaos.judge import Verdict, judge
from tests.integration.chaos.node import Node
from tests.integration.chaos.nursery import WHERE, Life, Nursery
from tests.integration.chaos.proxy import Proxy, calm
from tests.integration.chaos.world import NIGHT, Tide, World

GENESIS = 1_700_000_000
ROLES = ("liquidator", "order_executor", "vault_claims")
PATIENCE = 40.0  # seconds of ours for everything to be done after the trouble
EVERY = 0.1  # seconds of ours per block
NOBODY: dict[str, str] = {}


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
    log: Path
    skew: float = 0.0  # seconds by which its clock is wrong
    life: Life | None = None
    restarts: int = 0
    expected: bool = False  # its next end is the rig's doing

    def start(self) -> None:
        self.expected = False
        self.life = self.nursery.start(self.options, NOBODY, self.log, self.skew)

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
        said = None if self.expected else self._last_words(self.life.code)
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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.nursery = Nursery()  # first: it must not inherit threads
        self.node = Node(port, GENESIS)
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

    def round(self, seed: int, late: bool = False, every: float = EVERY) -> "Round":
        self.world.rewind(late)
        folder = self.folder / f"round {next(self._rounds)}"
        folder.mkdir()
        return Round(self, seed, folder, every)


@dataclass
class Round:
    """One night with trouble. Use as a context; `settle` at the end gives the outcome."""

    rig: Rig
    seed: int
    folder: Path
    every: float
    proxies: list[Proxy] = field(default_factory=list)
    keepers: list[Keeper] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    other_faults: int = 0  # those that no proxy injects

    def __enter__(self) -> "Round":
        self.tide = Tide(self.rig.world, self.seed, self.every)
        self.tide.__enter__()
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
        self, *proxies: Proxy, skew: float = 0.0, **options: str
    ) -> Keeper:
        """A keeper that begins now."""
        number = len(self.keepers)
        name = self.rig.world.keepers[number]
        made = Keeper(
            self.rig.nursery,
            name,
            arguments(name, self.rig.world, self.folder, [one.url for one in proxies], options),
            self.folder / f"{name}.log",
            skew,
        )
        self.keepers.append(made)
        made.start()
        return made

    def restart_tide(self) -> None:
        """After the chain was replaced."""
        self.tide = Tide(self.rig.world, self.seed, self.every)
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
        found: list[Verdict] = []

        def done() -> bool:
            found[:] = [judge(self.rig.world)]
            return found[0].fine

        if not self.until(done):
            for keeper in self.keepers:
                assert keeper.life is not None
                keeper.life.signal(WHERE)
            time.sleep(0.1)
        recovery = self.tide.age - max(since, age)
        return Outcome(
            faults=sum(proxy.faults for proxy in self.proxies) + self.other_faults,
            verdict=found[0],
            recovery=recovery,
            restarts=sum(keeper.restarts for keeper in self.keepers),
            crashes=self.crashes,
        )


def arguments(
    name: str, world: World, folder: Path, urls: list[str], options: dict[str, str]
) -> list[str]:
    """Of `tidegate`."""
    made = ["--manifests", str(world.folder), "--key", name, "--state", str(folder / f"{name}.db")]
    for url in urls:
        made += ["--rpc", url]
    for key, value in options.items():
        made += [f"--{key.replace('_', '-')}", value]
    return made
