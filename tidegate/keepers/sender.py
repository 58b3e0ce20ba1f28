"""The one sender: simulates every transaction, sends what passes, gives up what keeps failing.

Nonces are counted by the chain object from what it sent, never asked for in between. Transactions
handed over together go into one block where the chain can, so that all meet the same price.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from tidegate.chain import Call, Chain, Receipt
from tidegate.client.calls import Outcome, Transaction
from tidegate.client.errors import ProtocolError

GAVE_UP = "GaveUp"
RETRIES = 5


class Sender:
    """Sends transactions to a chain.

    `retries`: how often one (the same target, arguments and sender) may fail before it is put
    aside, until `forgive`; `put_aside` lists those. `seen` is told every outcome, in order.
    """

    def __init__(
        self,
        chain: Chain,
        retries: int = RETRIES,
        seen: Callable[[Outcome], None] | None = None,
    ) -> None:
        self.chain = chain
        self.retries = retries
        self.sent = 0
        self.put_aside: list[Transaction] = []
        self._failures: Counter[Call] = Counter()
        self._seen = seen or (lambda outcome: None)

    def send(self, transactions: Sequence[Transaction]) -> list[Outcome]:
        """Simulate each against the newest block and send those that pass; outcomes in order."""
        outcomes: list[Outcome | None] = [None] * len(transactions)
        calls = [transaction.call for transaction in transactions]
        passing: list[int] = []
        for place, (transaction, call) in enumerate(zip(transactions, calls, strict=True)):
            refusal = self._refusal(call)
            if refusal is None:
                passing.append(place)
            else:
                self._failed(transaction, call)
                outcomes[place] = Outcome(transaction, error=refusal)
        self.sent += len(passing)
        results = self.chain.send_all([calls[place] for place in passing]) if passing else []
        for place, result in zip(passing, results, strict=True):
            transaction = transactions[place]
            if isinstance(result, Receipt):
                self._failures.pop(calls[place], None)
                outcomes[place] = Outcome(transaction, receipt=result)
            else:
                self._failed(transaction, calls[place])
                outcomes[place] = Outcome(transaction, error=result)
        made = [outcome for outcome in outcomes if outcome is not None]
        for outcome in made:
            self._seen(outcome)
        return made

    def send_one(self, transaction: Transaction) -> Receipt:
        """The receipt of a transaction that must succeed; its error otherwise."""
        [outcome] = self.send([transaction])
        if outcome.receipt is None:
            raise outcome.error or ProtocolError(GAVE_UP, b"", transaction.fn)
        return outcome.receipt

    def forgive(self) -> None:
        """A new moment: what was refused before may be tried again."""
        self._failures.clear()

    def _refusal(self, call: Call) -> ProtocolError | None:
        if self._failures[call] >= self.retries:
            return ProtocolError(GAVE_UP, b"", call.what)
        try:
            self.chain.call(call.to, call.data, call.sender)
        except ProtocolError as error:
            return error
        return None

    def _failed(self, transaction: Transaction, call: Call) -> None:
        self._failures[call] += 1
        if self._failures[call] == self.retries:
            self.put_aside.append(transaction)
