"""The one sender: tries every transaction, sends what passes and pays, gives up what keeps failing.

What it promises, on every wire (wire.py):

- nothing is sent that a simulation in the next block refuses; a batch of which only some items are
  refused is narrowed to the others, one refused as a whole falls apart into its items;
- an item is under way at most once: what touches a busy item is refused with `IN_FLIGHT`;
- an item that failed `Budget.retries` times is dead (`GAVE_UP`) until it is forgiven;
- a job whose reward does not pay for its gas, less the loss it may make, is refused `UNPROFITABLE`;
- with `dry_run` all of this happens and then nothing is sent: `DRY_RUN`;
- each job has one outcome, and `seen` is told each of them once.

`submit` and `poll` never wait; `send` waits until its transactions have ended.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.chain import Chain, Receipt
from tidegate.client.calls import Outcome, Transaction
from tidegate.client.errors import ProtocolError
from tidegate.keepers.budget import RETRIES, Budget, Dead
from tidegate.keepers.view import NODE
from tidegate.keepers.wire import AtOnce, Wire

GAVE_UP = "GaveUp"
IN_FLIGHT = "InFlight"
UNPROFITABLE = "Unprofitable"
DRY_RUN = "DryRun"
TOO_DEAR = "TooDear"  # gas costs more than the cap
CANCELLED = "Cancelled"  # stuck at the cap, and replaced by nothing
TAKEN = "NonceTaken"  # another transaction of this key has the nonce
# What says nothing against the item itself.
BLAMELESS = frozenset({GAVE_UP, IN_FLIGHT, UNPROFITABLE, DRY_RUN, TOO_DEAR, NODE, TAKEN})
PAUSE = 0.002  # seconds between two looks while waiting


End = Callable[[int, "Job", str | ProtocolError], None]


def _nothing(_: object) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Job:
    """A transaction, the items it is about, and what may be lost on it.

    `reward` and `loss` in 1e-18 of the collateral; no loss given: it is not asked. `refused` tells
    from what the simulation returned, `skipped` from the receipt, which items were left as they are
    and why. `narrow` makes the same job for some of its items.
    """

    transaction: Transaction
    items: tuple[str, ...]
    role: str = ""
    reward: int = 0
    loss: int | None = None
    refused: Callable[[bytes], Mapping[str, str]] = _nothing
    skipped: Callable[[Receipt], Mapping[str, str]] = _nothing
    narrow: Callable[[Collection[str]], "Job"] | None = None


def plain(transaction: Transaction) -> Job:
    """A job whose item is the call itself."""
    call = transaction.call
    return Job(transaction, (f"{call.sender} {call.to} {call.data.hex()}",))


@dataclass
class Sender:
    """See the module. `coin_price`: of one coin of gas, in whole collateral times 1e18."""

    chain: Chain | Wire
    retries: int = RETRIES
    seen: Callable[[Outcome], None] = lambda outcome: None
    budget: Budget = field(default_factory=Budget)
    dry_run: bool = False
    coin_price: int = 0
    clock: Callable[[], float] = time.monotonic
    buried: Callable[[Dead], None] = lambda dead: None
    sent: int = field(default=0, init=False)
    put_aside: list[Transaction] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.wire: Wire = AtOnce(self.chain) if hasattr(self.chain, "send_all") else self.chain
        self.budget.retries = self.retries
        self._jobs: dict[int, Job] = {}
        self._shown: set[str] = set()  # of a dry run: what it would have sent

    # Without waiting

    def submit(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Try the jobs and send those that pass; outcomes of those that were not sent, in order."""
        return [outcome for outcome in self._submit(jobs)[1] if outcome is not None]

    def poll(self) -> list[Outcome]:
        """What has ended since the last call."""
        outcomes = []
        for landed in self.wire.poll():
            job = self._jobs.pop(landed.ticket, None)
            if job is None:  # of an earlier life
                if landed.receipt is not None:
                    self.budget.done(*landed.items)
                continue
            outcome = self._ended(job, landed.receipt, landed.error)
            self.seen(outcome)
            outcomes.append(outcome)
        return outcomes

    def free(self, item: str) -> bool:
        """Whether something may be sent about the item now."""
        if self.dry_run and item in self._shown:
            return False
        return not self.wire.busy(item) and self.budget.allows(item, self.clock())

    def drain(self, seconds: float, pause: float = 0.05) -> int:
        """Wait for what is under way, at most so long; how many transactions are left."""
        until = self.clock() + seconds
        while self.wire.waiting and self.clock() < until:
            self.poll()
            time.sleep(pause if self.wire.waiting else 0)
        return self.wire.waiting

    def forgive(self) -> None:
        """A new moment: what was refused before may be tried again."""
        self.budget.forgive()

    # Waiting

    def send(self, transactions: Sequence[Transaction]) -> list[Outcome]:
        """Try each against the newest block, send what passes, wait; outcomes in order."""
        tickets, outcomes = self._submit([plain(one) for one in transactions], tell=False)
        while any(ticket in self._jobs for ticket in tickets):
            for landed in self.wire.poll():
                job = self._jobs.pop(landed.ticket, None)
                if job is None:
                    continue
                outcome = self._ended(job, landed.receipt, landed.error)
                if landed.ticket in tickets:
                    outcomes[tickets.index(landed.ticket)] = outcome
                else:
                    self.seen(outcome)
            if self.wire.waiting:
                time.sleep(PAUSE)
        made = [outcome for outcome in outcomes if outcome is not None]
        for outcome in made:
            self.seen(outcome)
        return made

    def send_one(self, transaction: Transaction) -> Receipt:
        """The receipt of a transaction that must succeed; its error otherwise."""
        [outcome] = self.send([transaction])
        if outcome.receipt is None:
            raise outcome.error or ProtocolError(GAVE_UP, b"", transaction.fn)
        return outcome.receipt

    # Within

    def _submit(
        self, jobs: Sequence[Job], tell: bool = True
    ) -> tuple[list[int], list[Outcome | None]]:
        """Tickets (-1 for what was not sent) and the outcomes known already, place by place."""
        tickets = [-1] * len(jobs)
        outcomes: list[Outcome | None] = [None] * len(jobs)
        passing: list[tuple[int, Job]] = []
        broken: list[Job] = []
        now = self.clock()
        claimed: set[str] = set()

        def end(place: int, job: Job, name_or_error: str | ProtocolError) -> None:
            error = name_or_error
            if isinstance(error, str):
                error = ProtocolError(error, b"", job.transaction.call.what)
            self._failed(job.items, error.name, job.transaction)
            outcomes[place] = Outcome(job.transaction, error=error)

        asked: list[tuple[int, Job]] = []
        for place, job in enumerate(jobs):
            if any(self.wire.busy(item) or item in claimed for item in job.items):
                end(place, job, IN_FLIGHT)
            elif not all(self.budget.allows(item, now) for item in job.items):
                end(place, job, GAVE_UP)
            else:
                asked.append((place, job))
                if job.role:
                    claimed.update(job.items)
        results = self.wire.simulate([job.transaction.call for _, job in asked])
        for (place, job), result in zip(asked, results, strict=True):
            if isinstance(result, ProtocolError):
                if job.narrow is not None and len(job.items) > 1 and result.name not in BLAMELESS:
                    broken += [job.narrow({item}) for item in job.items]
                    outcomes[place] = Outcome(job.transaction, error=result)
                else:
                    end(place, job, result)
                continue
            refused = job.refused(result)
            for item, reason in refused.items():
                self._failed((item,), reason, job.transaction)
            rest = [item for item in job.items if item not in refused]
            if not rest:
                reason = next(iter(refused.values()))
                outcomes[place] = Outcome(job.transaction, error=ProtocolError(reason))
            else:
                narrowed = job.narrow(set(rest)) if refused and job.narrow else job
                passing.append((place, narrowed))
        passing = [one for one in passing if self._pays(one, end)]
        if self.dry_run:
            for place, job in passing:
                self._shown.update(job.items)
                end(place, job, DRY_RUN)
            passing = []
        if passing:
            calls = [job.transaction.call for _, job in passing]
            answers = self.wire.dispatch(calls, [job.items for _, job in passing])
            for (place, job), answer in zip(passing, answers, strict=True):
                if isinstance(answer, ProtocolError):
                    end(place, job, answer)
                else:
                    self.sent += 1
                    tickets[place] = answer
                    self._jobs[answer] = job
        if tell:
            for outcome in outcomes:
                if outcome is not None:
                    self.seen(outcome)
        if broken:
            self._submit(broken, tell)
        return tickets, outcomes

    def _pays(self, one: tuple[int, Job], end: End) -> bool:
        place, job = one
        if job.loss is None or not self.coin_price:
            return True
        try:
            wei = self.wire.price(job.transaction.call)
        except ProtocolError as refusal:  # its gas cannot be estimated
            end(place, job, refusal)
            return False
        cost = cost_of(wei, self.coin_price)
        if job.reward - cost >= -job.loss:
            return True
        end(place, job, UNPROFITABLE)
        return False

    def _ended(self, job: Job, receipt: Receipt | None, error: ProtocolError | None) -> Outcome:
        if receipt is None:
            self._failed(job.items, error.name if error else NODE, job.transaction)
            return Outcome(job.transaction, error=error)
        skipped = job.skipped(receipt)
        for item, reason in skipped.items():
            self._failed((item,), reason, job.transaction)
        self.budget.done(*(item for item in job.items if item not in skipped))
        return Outcome(job.transaction, receipt=receipt)

    def _failed(self, items: Sequence[str], reason: str, transaction: Transaction) -> None:
        if reason in BLAMELESS:
            return
        died = self.budget.failed(items, reason, self.clock())
        if died:
            self.put_aside.append(transaction)
            del self.put_aside[: -self.budget.most_dead]
        for dead in died:
            self.buried(dead)


def cost_of(wei: int, coin_price: int) -> int:
    """Gas in 1e-18 of the collateral, rounded up. `coin_price` in 1e-18 of it per coin."""
    return -(-wei * coin_price // 10**18)
