"""Who calls chooses the gas: too little must never pass for a verdict."""

from collections import Counter

from tests.harness.system import BTC
from tidegate.client.errors import ProtocolError


def outcomes(desk, accounts: list[int], gas_of: range) -> Counter[str]:
    chain = desk.system.chain
    found: Counter[str] = Counter()
    for gas in gas_of:
        checkpoint = chain.snapshot()
        try:
            receipt = desk.liquidate(*accounts, gas=gas)
            assert receipt.returned == len(accounts)
            found["sliced"] += 1
        except ProtocolError as refusal:
            found["no gas" if refusal.name.startswith("Halt") else refusal.name] += 1
        chain.restore(checkpoint)
    return found


def full_gas(desk, accounts: list[int]) -> int:
    chain = desk.system.chain
    checkpoint = chain.snapshot()
    used = desk.liquidate(*accounts).gas_used
    chain.restore(checkpoint)
    return used


def test_a_starved_slice_reverts_as_out_of_gas(desk):
    desk.system.move(BTC, 57_500)
    used = full_gas(desk, [desk.account])
    found = outcomes(desk, [desk.account], range(used // 4, used * 3 // 2, used // 200))
    assert set(found) <= {"OutOfGas", "no gas", "Unknown", "sliced"}
    assert found["OutOfGas"] > 10
    assert found["sliced"] > 10


def test_no_starved_account_is_skipped_in_a_batch(desk, counterparty):
    system = desk.system
    other = system.fund(counterparty, 2_000)
    system.trade(other, BTC, "0.5")
    system.move(BTC, 57_500)
    accounts = [desk.account, other]
    used = full_gas(desk, accounts)
    found = outcomes(desk, accounts, range(used // 4, used * 3 // 2, used // 200))
    assert set(found) <= {"OutOfGas", "no gas", "Unknown", "sliced"}
    assert found["OutOfGas"] > 10
    assert found["sliced"] > 10
