"""Every word of every contract on a chain in process: what a refused call must leave as it was."""

import re
from collections.abc import Callable
from itertools import pairwise

from tests.harness.reverts import reverts
from tidegate.chain import Contract
from tidegate.revm_chain import RevmChain

ACCOUNT = ": Account { info: "
_SLOT = re.compile(
    r"(\d+): StorageSlot \{ previous_or_original_value: \d+, present_value: (\d+) \}"
)

Words = dict[str, dict[int, int]]


def storage(chain: RevmChain) -> Words:
    """Storage words that are not zero, by address and slot. From pyrevm's own journal: complete."""
    # 0x<address>: Account { info: <code>, storage: {<slots>}, status: ...}, 0x<address>: ...
    bodies = chain._evm.journal_str.split(ACCOUNT)
    found: Words = {}
    for before, body in pairwise(bodies):
        slots = body.partition(", storage: {")[2].partition("}, status: ")[0]
        words = {int(slot): int(value) for slot, value in _SLOT.findall(slots) if value != "0"}
        if words:
            found[before[-42:]] = words
    return found


def without(words: Words, *contracts: Contract) -> Words:
    """The same without some contracts' own words."""
    left_out = {contract.address.lower() for contract in contracts}
    return {address: own for address, own in words.items() if address not in left_out}


def refused(chain: RevmChain, name: str, call: Callable[[], object]) -> None:
    """The call ends in exactly this error, and not a word of any contract moved."""
    before = storage(chain)
    with reverts(name):
        call()
    assert storage(chain) == before
