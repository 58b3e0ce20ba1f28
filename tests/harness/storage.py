"""Every word of every contract on a chain in process: what a refused call must leave as it was."""

import re
from collections.abc import Callable

from tests.harness.reverts import reverts
from tidegate.chain import Contract
from tidegate.revm_chain import RevmChain

_ACCOUNT = re.compile(r"0x([0-9a-f]{40}): Account \{ info: ")
_SLOT = re.compile(
    r"(\d+): StorageSlot \{ previous_or_original_value: \d+, present_value: (\d+) \}"
)

Words = dict[str, dict[int, int]]


def storage(chain: RevmChain) -> Words:
    """Storage words that are not zero, by address and slot. From pyrevm's own journal: complete."""
    parts = _ACCOUNT.split(chain._evm.journal_str)
    found: Words = {}
    for address, body in zip(parts[1::2], parts[2::2], strict=True):
        words = {
            int(slot): int(value)
            for slot, value in _SLOT.findall(body[body.index("storage: {") :])
            if value != "0"
        }
        if words:
            found[f"0x{address}"] = words
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
