"""Gas per operation, told apart by what the transaction did to the account it acted on."""

from collections import defaultdict
from statistics import median

from tidegate.client.calls import Outcome
from tidegate.keepers.actions import Execute
from tidegate.keepers.journal import Journal

DIRECT = {
    "deposit", "withdraw", "place", "funding_poke", "oracle_push", "lp_request", "lp_claim",
    "lp_process",
}  # fmt: skip
FULL_BATCH = 10


class GasMeter:
    """Collects receipts; whole transactions, as a node measures them."""

    def __init__(self) -> None:
        self.used: dict[str, list[int]] = defaultdict(list)
        self._several: list[tuple[int, int]] = []  # slices, gas
        self._increases: dict[int, list[int]] = defaultdict(list)  # by positions held
        self._filled: set[int] = set()

    def note(self, outcome: Outcome, before: Journal) -> None:
        """`before` is the journal without this outcome's events."""
        receipt = outcome.receipt
        if receipt is None:
            return
        label = outcome.transaction.label
        if label in DIRECT:
            self.used[label].append(receipt.gas_used)
        elif label == "execute":
            self._execute(outcome, before)
        elif label == "liquidate":
            slices = len(receipt.named("Sliced"))
            if slices == 1:
                self.used["liquidate_one"].append(receipt.gas_used)
            elif slices > 1:
                self._several.append((slices, receipt.gas_used))
        for event in receipt.named("Filled"):
            self._filled.add(event.args.taker)

    def _execute(self, outcome: Outcome, before: Journal) -> None:
        receipt = outcome.receipt
        fills = receipt.named("Filled")
        about = outcome.transaction.about
        if not isinstance(about, Execute) or len(fills) != len(about.orders):
            return
        if len(fills) == FULL_BATCH:
            self.used["execute_batch10_each"].append(receipt.gas_used // FULL_BATCH)
        if len(fills) != 1:
            return
        fill = fills[0].args
        held = before.sizes.get(fill.taker, {})
        size = held.get(fill.instrument, 0)
        if fill.taker not in self._filled:
            operation = "execute_open_first"
        elif size == 0:
            operation = "execute_open"
        elif size + fill.size == 0:
            operation = "execute_close"
        elif abs(size + fill.size) > abs(size):
            operation = "execute_increase"
        else:
            operation = "execute_reduce"
        self.used[operation].append(receipt.gas_used)
        if operation == "execute_increase":
            self._increases[len(held)].append(receipt.gas_used)

    def medians(self) -> dict[str, int]:
        """Gas per operation; operations that did not occur are absent."""
        found = {name: int(median(values)) for name, values in sorted(self.used.items())}
        if self._several and "liquidate_one" in found:
            each = [(gas - found["liquidate_one"]) / (slices - 1) for slices, gas in self._several]
            found["liquidate_each_more"] = int(median(each))
        if self._increases[1] and self._increases[2]:
            extra = median(self._increases[2]) - median(self._increases[1])
            found["extra_position"] = int(extra)
        return found
