"""Starts keepers quickly: one process imports everything, then forks a life on demand.

    python -m tests.integration.chaos.nursery

Time goes `SPEED` times faster in there, so that a keeper with an operator's settings meets a block
a second, and every pause of its own is as long as it should be in blocks.

Reads one JSON object per line, {"argv", "env", "log", "skew"}, forks a process that runs `tidegate`
with these arguments and answers {"pid"}; when a life ends, {"ended", "code"} (negative: a signal).
"""

import faulthandler
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.artifacts import ROOT

SPEED = 12.5  # seconds in one of ours
WHERE = signal.SIGUSR1  # makes a life say in its log where it is


def _live(argv: list[str], env: dict[str, str], log: str, skew: float) -> None:
    """In the child: be the command, with a clock that is wrong by `skew` seconds."""
    from tidegate.cli import main

    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.environ.update(env)
    if skew:
        clock = time.time
        time.time = lambda: clock() + skew
    faulthandler.register(WHERE)
    try:
        main(argv, prog_name="tidegate")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _tell(**facts: int) -> None:
    sys.__stdout__.write(json.dumps(facts) + "\n")
    sys.__stdout__.flush()


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _tell(ended=pid, code=os.waitstatus_to_exitcode(status))


def hasten() -> None:
    """Clocks and pauses of this process and its children, before anybody has bound them."""
    monotonic, clock, sleep, wait = time.monotonic, time.time, time.sleep, threading.Event.wait
    began, since = clock(), monotonic()
    time.monotonic = lambda: since + (monotonic() - since) * SPEED
    time.time = lambda: began + (clock() - began) * SPEED
    time.sleep = lambda seconds: sleep(seconds / SPEED)
    threading.Event.wait = lambda event, timeout=None: wait(
        event, None if timeout is None else timeout / SPEED
    )


def serve() -> None:
    """Until standard input ends; then everybody is killed."""
    hasten()
    import tidegate.keepers.commands  # noqa: F401  the slow imports, once

    _tell(pid=0)  # ready
    children: set[int] = set()
    text = ""
    while True:
        ready, _, _ = select.select([0], [], [], 0.01)
        _reap()
        if not ready:
            continue
        chunk = os.read(0, 65536).decode()
        if not chunk:
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return
        text += chunk
        while "\n" in text:
            line, text = text.split("\n", 1)
            order = json.loads(line)
            pid = os.fork()
            if not pid:
                _live(order["argv"], order["env"], order["log"], order["skew"])
                os._exit(0)
            children.add(pid)
            _tell(pid=pid)


@dataclass
class Life:
    """One keeper process."""

    pid: int
    log: Path
    code: int | None = None

    @property
    def alive(self) -> bool:
        return self.code is None

    def signal(self, number: int) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def end(self, seconds: float = 20.0) -> int:
        """Its exit code, once it has ended; TimeoutError if it does not."""
        deadline = time.monotonic() + seconds
        while self.code is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"keeper {self.pid} still runs, see {self.log}")
            time.sleep(0.005)
        return self.code


@dataclass
class Nursery:
    """The process above, from outside."""

    lives: dict[int, Life] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.chaos.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._born = threading.Semaphore(0)
        self._newest = 0
        self._early: dict[int, int] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            facts = json.loads(line)
            with self._lock:
                if "pid" in facts:
                    self._newest = facts["pid"]
                    self._born.release()
                elif facts["ended"] in self.lives:
                    self.lives[facts["ended"]].code = facts["code"]
                else:
                    self._early[facts["ended"]] = facts["code"]

    def ready(self) -> None:
        """Wait until everything is imported."""
        if not self._born.acquire(timeout=60):
            raise TimeoutError("the nursery did not start")

    def start(self, argv: list[str], env: dict[str, str], log: Path, skew: float = 0.0) -> Life:
        assert self._process.stdin is not None
        order = json.dumps({"argv": argv, "env": env, "log": str(log), "skew": skew})
        self._process.stdin.write(order + "\n")
        if not self._born.acquire(timeout=30):
            raise TimeoutError("no keeper was started")
        with self._lock:
            life = Life(self._newest, log, self._early.pop(self._newest, None))
            self.lives[life.pid] = life
        return life

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


if __name__ == "__main__":
    serve()
