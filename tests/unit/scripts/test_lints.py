"""Each lint catches its seeded fault and passes the same source without it; contracts/ is clean."""

import re
from pathlib import Path

import pytest

from scripts import lints
from scripts._vyper import ROOT

HEAD = '''# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Sample
@custom:kill Never deployed.
"""
from ethereum.ercs import IERC20
from contracts.libraries import errors

event Done:
    amount: uint256

OWNER: immutable(address)
positions: HashMap[uint256, int256]
risk: HashMap[uint256, uint256]
total: uint256
index: uint256


@deploy
def __init__():
    OWNER = msg.sender

'''

# lint, the fault, the same without it
PAIRS = {
    "bare division": (
        "signed-division",
        "@internal\n@pure\ndef f(a: int256) -> int256:\n    return a // 7\n",
        "@internal\n@pure\ndef f(a: uint256) -> uint256:\n    return a // 7\n",
    ),
    "bare remainder, in place": (
        "signed-division",
        "@internal\n@pure\ndef f(a: int256) -> int256:\n    b: int256 = a\n"
        "    b %= 7\n    return b\n",
        "@internal\n@pure\ndef f(a: int256) -> int256:\n    b: int256 = a\n"
        "    b *= 7\n    return b\n",
    ),
    "unsafe_div": (
        "signed-division",
        "@internal\n@pure\ndef f(a: int256) -> int256:\n    return unsafe_div(a, 7)\n",
        "@internal\n@pure\ndef f(a: uint256) -> uint256:\n    return unsafe_div(a, 7)\n",
    ),
    "unchecked": (
        "unchecked",
        "@internal\n@pure\ndef f(a: uint256) -> uint256:\n    return unsafe_add(a, 1)\n",
        "@internal\n@pure\ndef f(a: uint256) -> uint256:\n    return a + 1\n",
    ),
    "write behind a call": (
        "call-before-write",
        "@external\ndef f(token: IERC20):\n"
        "    extcall token.transfer(msg.sender, 1)\n    self.total = 1\n",
        "@external\ndef f(token: IERC20):\n"
        "    self.total = 1\n    extcall token.transfer(msg.sender, 1)\n",
    ),
    "write behind a call, both in internal functions": (
        "call-before-write",
        "@internal\ndef _pay(token: IERC20):\n    extcall token.transfer(msg.sender, 1)\n\n"
        "@internal\ndef _note():\n    self.total += 1\n\n"
        "@external\ndef f(token: IERC20):\n    self._pay(token)\n    self._note()\n",
        "@internal\ndef _pay(token: IERC20):\n    extcall token.transfer(msg.sender, 1)\n\n"
        "@internal\ndef _note():\n    self.total += 1\n\n"
        "@external\ndef f(token: IERC20):\n    self._note()\n    self._pay(token)\n",
    ),
    "write behind the call of the turn before": (
        "call-before-write",
        "@external\ndef f(token: IERC20):\n    for i: uint256 in range(3):\n"
        "        self.total = i\n        extcall token.transfer(msg.sender, i)\n",
        "@external\ndef f(token: IERC20):\n    for i: uint256 in range(3):\n"
        "        self.total = i\n    extcall token.transfer(msg.sender, 1)\n",
    ),
    "write on the branch that called": (
        "call-before-write",
        "@external\ndef f(token: IERC20, pay: bool):\n    if pay:\n"
        "        extcall token.transfer(msg.sender, 1)\n    self.total = 1\n",
        "@external\ndef f(token: IERC20, pay: bool):\n    if pay:\n"
        "        extcall token.transfer(msg.sender, 1)\n        return\n    self.total = 1\n",
    ),
    "value without a bound": (
        "value-bound",
        "@external\ndef f(token: IERC20):\n    extcall token.transfer(msg.sender, self.total)\n",
        "@external\ndef f(token: IERC20, least_out: uint256):\n"
        "    assert self.total >= least_out\n"
        "    extcall token.transfer(msg.sender, self.total)\n",
    ),
    "position before its accrual": (
        "accrual",
        "@internal\ndef _accrued():\n    self.index += 1\n\n"
        "@external\ndef f(account: uint256):\n"
        "    self.positions[account] += 1\n    self._accrued()\n",
        "@internal\ndef _accrued():\n    self.index += 1\n\n"
        "@external\ndef f(account: uint256):\n"
        "    self._accrued()\n    self.positions[account] += 1\n",
    ),
    "terms without an accrual, deeper": (
        "accrual",
        "@internal\ndef _set(i: uint256):\n    self.risk[i] = 1\n\n"
        "@external\ndef f(i: uint256):\n    self._set(i)\n",
        "@internal\ndef _accrued():\n    self.index += 1\n\n"
        "@internal\ndef _set(i: uint256):\n    self._accrued()\n    self.risk[i] = 1\n\n"
        "@external\ndef f(i: uint256):\n    self._set(i)\n",
    ),
    "loops of too many turns": (
        "loop",
        "@internal\n@view\ndef _g(n: uint256) -> uint256:\n    s: uint256 = 0\n"
        "    for i: uint256 in range(n, bound=200):\n        s += i\n    return s\n\n"
        "@external\ndef f(n: uint256):\n    for i: uint256 in range(100):\n"
        "        self.total = self._g(n)\n",
        "@internal\n@view\ndef _g(n: uint256) -> uint256:\n    s: uint256 = 0\n"
        "    for i: uint256 in range(n, bound=20):\n        s += i\n    return s\n\n"
        "@external\ndef f(n: uint256):\n    for i: uint256 in range(100):\n"
        "        self.total = self._g(n)\n",
    ),
    "a list of any length": (
        "loop",
        "@external\ndef f(a: DynArray[uint256, 20_000]):\n    for i: uint256 in a:\n"
        "        self.total += i\n",
        "@external\ndef f(a: DynArray[uint256, 20]):\n    for i: uint256 in a:\n"
        "        self.total += i\n",
    ),
    "owner's value as it comes": (
        "setter-bounds",
        "@external\ndef f(fee: uint256):\n    assert msg.sender == OWNER\n    self.total = fee\n",
        "@external\ndef f(fee: uint256):\n    assert msg.sender == OWNER\n"
        "    assert fee <= 1000\n    self.total = fee\n",
    ),
    "one of two values unbounded, deeper": (
        "setter-bounds",
        "@internal\ndef _set(a: uint256, b: uint256):\n"
        "    errors._require(a <= 5, errors.OUT_OF_BOUNDS)\n    self.total = a\n"
        "    self.risk[a] = b\n\n"
        "@external\ndef f(x: uint256, y: uint256):\n    assert msg.sender == OWNER\n"
        "    self._set(x, y)\n",
        "@internal\ndef _set(a: uint256, b: uint256):\n"
        "    errors._require(a <= 5 and b <= 5, errors.OUT_OF_BOUNDS)\n    self.total = a\n"
        "    self.risk[a] = b\n\n"
        "@external\ndef f(x: uint256, y: uint256):\n    assert msg.sender == OWNER\n"
        "    self._set(x, y)\n",
    ),
    "no event": (
        "event",
        "@external\ndef f(a: uint256):\n    self.total = a\n",
        "@external\ndef f(a: uint256):\n    self.total = a\n    log Done(amount=a)\n",
    ),
    "block number": (
        "clock",
        "@external\n@view\ndef f() -> uint256:\n    return block.number\n",
        "@external\n@view\ndef f() -> uint256:\n    return block.timestamp\n",
    ),
    "transaction's origin": (
        "origin",
        "@external\ndef f():\n    assert tx.origin == OWNER\n",
        "@external\ndef f():\n    assert msg.sender == OWNER\n",
    ),
    "an answer of any length": (
        "raw-call",
        "@external\ndef f(a: address):\n    raw_call(a, b'')\n",
        "@external\ndef f(a: address):\n    answer: Bytes[4] = raw_call(a, b'', max_outsize=4)\n",
    ),
}


def found(lint: str, text: str, name: str = "Sample") -> list[lints.Finding]:
    source = lints.annotated(text, ROOT / f"{name}.vy")
    return lints.findings(source, [lint])


@pytest.mark.parametrize("case", PAIRS)
def test_catches_the_fault_and_passes_without_it(case: str):
    lint, bad, good = PAIRS[case]
    caught = found(lint, HEAD + bad)
    assert [finding.lint for finding in caught] == [lint]
    assert caught[0].function == "f"
    assert found(lint, HEAD + good) == []


def test_every_lint_has_its_fault():
    assert {lint for lint, _, _ in PAIRS.values()} | {"kill-note"} == set(lints.LINTS)


def test_a_deployable_says_how_it_is_stopped_and_a_module_need_not():
    silent = HEAD.replace("@custom:kill Never deployed.", "")
    assert [finding.lint for finding in found("kill-note", silent)] == ["kill-note"]
    assert found("kill-note", HEAD) == []
    assert found("kill-note", silent, name="sample") == []


def test_a_call_behind_the_lock_says_so():
    lint, bad, _ = PAIRS["write behind a call"]
    [locked] = found(lint, HEAD + bad)
    [open_] = found(lint, (HEAD + bad).replace("@external\ndef f", "@external\n@reentrant\ndef f"))
    assert "(locked)" in locked.text
    assert "(NOT locked)" in open_.text


def test_positions_of_the_clearing_house_without_accrual_are_seen():
    """The real source, with its accrual taken out: of a trade, and of new terms."""
    path = ROOT / "contracts" / "core" / "ClearingHouse.vy"
    text = path.read_text()
    sound = {"set_brake", "settle"}  # listed, with their reasons
    assert {f.function for f in lints.findings(lints.annotated(text, path), ["accrual"])} == sound
    accrual = re.compile(r"^( +)[a-z_, ]+ = carry\._settled\(.*\)$", re.M)
    without, count = accrual.subn(r"\1indices = carry.indices[instrument]", text)
    assert count == 2
    caught = lints.findings(lints.annotated(without, path), ["accrual"])
    assert {finding.function for finding in caught} == {"clear", "set_terms", *sound}


# lint, function, its file, what is taken out or moved
SPOILT = [
    (
        *("setter-bounds", "pause_openings", "governance/Configurator.vy"),
        (r"^    errors\._require\(duration != 0.*\n", ""),
    ),
    (
        *("setter-bounds", "set_venue", "governance/Configurator.vy"),
        (r"^    errors\._require\(\n +role == 0[\s\S]*?^    word: ", "    word: "),
    ),
    (
        *("event", "set_guardian", "governance/Configurator.vy"),
        (r"^    log IConfigurator\.GuardianSet.*\n", ""),
    ),
    (
        *("call-before-write", "withdraw", "core/ClearingHouse.vy"),
        (
            r"^(    paid: uint256 = ledger\._release.*\n)",
            r"    ledger._give(word, receiver, amount)\n\1",
        ),
    ),
]


@pytest.mark.parametrize(("lint", "function", "file", "change"), SPOILT)
def test_a_fault_put_into_a_real_source_is_seen(lint: str, function: str, file: str, change):
    path = ROOT / "contracts" / file
    spoilt, count = re.subn(*change, path.read_text(), flags=re.M)
    assert count == 1
    known = {finding.function for finding in found_in(lint, path, path.read_text())}
    assert function not in known
    assert function in {finding.function for finding in found_in(lint, path, spoilt)}


def found_in(lint: str, path: Path, text: str) -> list[lints.Finding]:
    return lints.findings(lints.annotated(text, path), [lint])


def test_contracts_have_no_finding_that_is_not_listed_and_no_exception_is_left_over():
    open_, unused = lints.judge(lints.everything(), lints.listed())
    assert [str(finding) for finding in open_] == []
    assert unused == []


def test_an_exception_that_nothing_needs_is_told():
    finding = lints.Finding("clock", "contracts/A.vy", "f", 1, "block.number")
    known = {finding.key: "why it may", ("clock", "contracts/A.vy", "g"): "gone by now"}
    assert lints.judge([finding], known) == ([], [("clock", "contracts/A.vy", "g")])
    assert lints.judge([finding], {}) == ([finding], [])


@pytest.mark.parametrize(
    ("lint", "reason"), [("no-such-lint", "a reason long enough"), ("clock", "because")]
)
def test_an_exception_needs_a_lint_and_a_reason(lint: str, reason: str):
    text = f'[[exceptions]]\nlint = "{lint}"\nfile = "a"\nfunctions = ["f"]\nreason = "{reason}"\n'
    with pytest.raises(SystemExit):
        lints.listed(text)
