"""Lints over the annotated AST of the contracts: what a reviewer would look for each time.

    python -m scripts.lints            exit status 1 if anything is found that is not listed
    python -m scripts.lints --all      show what is listed too

Exceptions stand in scripts/lints.toml, each by lint, file and function with its reason; one that
nothing needs any more is itself a finding. Contracts of contracts/mocks are not looked at: they are
made to misbehave. Paths through a function include the internal functions it calls, in any module.

    signed-division      `//`, `%` or unsafe_div of signed integers: they truncate toward zero
    unchecked            unsafe_add, unsafe_sub, unsafe_mul, unsafe_div, pow_mod256
    call-before-write    an external call, and behind it on the same path a write to storage
    value-bound          an external function that moves value without a bound among its parameters
    accrual              a position or an instrument's terms written before anything was accrued
    loop                 loops, one inside another, of more than 10,000 turns together
    setter-bounds        an owner's value that reaches storage or another contract uncompared
    kill-note            a deployable whose docstring lacks @custom:kill
    event                an external function that writes storage and logs nothing
    clock                block.number
    origin               tx.origin
    raw-call             raw_call without max_outsize
"""

import argparse
import tomllib
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scripts._vyper import CONTRACTS, ROOT, is_deployable

LISTED = Path(__file__).with_name("lints.toml")
MOST_TURNS = 10_000

UNCHECKED = {"unsafe_add", "unsafe_sub", "unsafe_mul", "unsafe_div", "pow_mod256"}
# Calls by which tokens, cash or shares change hands, ours and those of ERC-20.
MOVES = {
    *("transfer", "transferFrom", "clear", "deposit", "withdraw", "mint", "burn"),
    *("_move", "_mint", "_burn", "_fill_side", "_add_cash", "send"),
}
# What bounds a movement for the one who asks for it: how much, at which price, until when.
BOUNDS = {"amount", "least", "most", "limit", "deadline", "expiry", "fee", "price", "shares"}
# What integrates funding; and what does so only to value an account, writing nothing.
ACCRUALS = {"_accrued"}
VALUATIONS = frozenset({"_state", "_whole", "_look", "_judge"})
ACCRUED_WORDS = {"positions", "risk", "trade", "limits"}


@dataclass(frozen=True, order=True)
class Finding:
    """One place that a lint objects to."""

    lint: str
    file: str  # relative to the repository
    function: str  # empty: the file as a whole
    line: int
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.lint, self.file, self.function

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where}: {self.lint}: {self.function or 'file'}: {self.text}"


@dataclass(frozen=True)
class Source:
    """One annotated module, and what to call it."""

    file: str
    module: Any
    deployable: bool

    def functions(self) -> list[Any]:
        from vyper import ast

        return [node for node in self.module.body if isinstance(node, ast.FunctionDef)]

    def externals(self) -> list[Any]:
        """External functions that may change state."""
        return [node for node in self.functions() if _is_mutator(node)]


def _type(node: Any) -> Any:
    return node._metadata.get("type")


def _function_type(node: Any) -> Any:
    return node._metadata["func_type"]


def _is_mutator(node: Any) -> bool:
    kind = _function_type(node)
    return bool(kind.is_external and not kind.is_constructor and kind.is_mutable)


def _is_signed(node: Any) -> bool:
    return bool(getattr(_type(node), "is_signed", False))


def _callee(call: Any) -> Any:
    """The definition of an internal function that is called, ours or a library's; else None."""
    kind = _type(call.func)
    if getattr(kind, "is_internal", False) and getattr(kind, "ast_def", None) is not None:
        return kind.ast_def
    return None


def _name(call: Any) -> str:
    """The called function's bare name."""
    return getattr(call.func, "attr", None) or getattr(call.func, "id", "")


def _keyword(call: Any, name: str) -> Any:
    return next((word.value for word in call.keywords if word.arg == name), None)


def _is_true(node: Any) -> bool:
    return bool(getattr(node, "value", False))


def _is_stored(target: Any) -> bool:
    from vyper.semantics.data_locations import DataLocation

    info = getattr(target, "_expr_info", None)
    return info is not None and info.location == DataLocation.STORAGE


def _word_of(target: Any) -> str:
    """The storage variable a target lies in."""
    from vyper import ast

    while isinstance(target, ast.Subscript) or (
        isinstance(target, ast.Attribute) and not hasattr(target.value, "id")
    ):
        target = target.value
    return getattr(target, "attr", "")


# Paths


@dataclass(frozen=True)
class Step:
    """What happens on a path: call (external), enter (internal), write, log, compare, turn."""

    kind: str
    node: Any
    name: str = ""


class _Paths:
    """Walks every path of a function in program order and lets a visitor change what is known.

    What is known is a set of hashable facts, one for each way to get here. Both sides of a branch
    are followed; a loop is gone through as often as asked for.
    """

    def __init__(
        self,
        visit: Callable[[Step, frozenset], frozenset],
        rounds: int,
        passed_over: frozenset[str] = frozenset(),
    ) -> None:
        self.visit = visit
        self.rounds = rounds
        self.passed_over = passed_over  # functions that are not entered
        self.returned: list[frozenset] = []

    def function(self, node: Any, facts: frozenset) -> frozenset:
        outer, self.returned = self.returned, []
        facts = self.body(node.body, facts)
        facts = facts.union(*self.returned)
        self.returned = outer
        return facts

    def body(self, statements: Iterable[Any], facts: frozenset) -> frozenset:
        for statement in statements:
            facts = self.statement(statement, facts)
        return facts

    def statement(self, node: Any, facts: frozenset) -> frozenset:
        from vyper import ast

        if isinstance(node, ast.If):
            facts = self.expression(node.test, facts)
            return self.body(node.body, facts) | self.body(node.orelse, facts)
        if isinstance(node, ast.For):
            facts = self.expression(node.iter, facts)
            for _ in range(self.rounds):
                facts |= self.body(node.body, facts)
            return facts
        if isinstance(node, ast.Return):
            if node.value is not None:
                facts = self.expression(node.value, facts)
            self.returned.append(facts)
            return frozenset()
        if isinstance(node, ast.Log):
            facts = self.expression(node.value, facts)
            return self.visit(Step("log", node), facts)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            if node.value is not None:
                facts = self.expression(node.value, facts)
            if _is_stored(node.target):
                facts = self.visit(Step("write", node, _word_of(node.target)), facts)
            return facts
        for child in node.get_children():
            facts = self.expression(child, facts)
        return facts

    def expression(self, node: Any, facts: frozenset) -> frozenset:
        from vyper import ast

        for child in node.get_children():
            facts = self.expression(child, facts)
        if isinstance(node, ast.ExtCall):
            return self.visit(Step("call", node, _name(node.value)), facts)
        if not isinstance(node, ast.Call):
            return facts
        if (callee := _callee(node)) is not None:
            if callee.name in self.passed_over:
                return facts
            facts = self.visit(Step("enter", node, callee.name), facts)
            return self.function(callee, facts) if _does_something(callee) else facts
        name = _name(node)
        if name == "raw_call" and not _is_true(_keyword(node, "is_static_call")):
            return self.visit(Step("call", node, name), facts)
        if name == "send":
            return self.visit(Step("call", node, name), facts)
        if name in ("append", "pop") and _is_stored(getattr(node.func, "value", None)):
            return self.visit(Step("write", node, _word_of(node.func.value)), facts)
        return facts


@cache
def _does_something(node: Any) -> bool:
    """Whether a function, or one it calls, has a step that a lint could ask for."""
    found = []

    def visit(step: Step, facts: frozenset) -> frozenset:
        if step.kind != "enter" or step.name in ACCRUALS | MOVES:
            found.append(step)
        return facts

    paths = _Paths(visit, 1)
    paths.body(node.body, frozenset([False]))
    return bool(found)


def _steps(node: Any) -> list[Step]:
    """Every step of every path of a function, each once."""
    found: dict[tuple[int, str], Step] = {}

    def visit(step: Step, facts: frozenset) -> frozenset:
        found.setdefault((id(step.node), step.kind), step)
        return facts

    _Paths(visit, 1).function(node, frozenset([False]))
    return list(found.values())


# The lints


def _signed_division(source: Source) -> Iterator[tuple[str, int, str]]:
    from vyper import ast

    for function in source.functions():
        for node in function.get_descendants((ast.BinOp, ast.AugAssign)):
            operand = node.target if isinstance(node, ast.AugAssign) else node.left
            if isinstance(node.op, ast.FloorDiv | ast.Mod) and _is_signed(operand):
                yield function.name, node.lineno, f"bare {node.op._pretty} on a signed integer"
        for node in function.get_descendants(ast.Call):
            if _name(node) == "unsafe_div" and _is_signed(node.args[0]):
                yield function.name, node.lineno, "unsafe_div of a signed integer"


def _unchecked(source: Source) -> Iterator[tuple[str, int, str]]:
    from vyper import ast

    for function in source.functions():
        for node in function.get_descendants(ast.Call):
            if _name(node) in UNCHECKED:
                yield function.name, node.lineno, f"{_name(node)} wraps"


def _call_before_write(source: Source) -> Iterator[tuple[str, int, str]]:
    for function in source.externals():
        locked = "locked" if _function_type(function).nonreentrant else "NOT locked"
        found: set[tuple[str, str]] = set()

        def visit(step: Step, facts: frozenset, found=found) -> frozenset:
            if step.kind == "call":
                return frozenset({step.name})
            if step.kind == "write":
                found |= {(step.name, name) for name in facts if name}
            return facts

        _Paths(visit, 2).function(function, frozenset({""}))
        if found:
            pairs = ", ".join(f"{word} behind {name}" for word, name in sorted(found))
            yield function.name, function.lineno, f"written behind a call ({locked}): {pairs}"


def _parameters(function: Any) -> Iterator[str]:
    """Names of the parameters, and of the members of those that are structs or lists of them."""
    for argument in _function_type(function).arguments:
        yield argument.name
        kind = argument.typ
        kind = getattr(kind, "value_type", kind)
        yield from getattr(kind, "member_types", None) or getattr(kind, "members", {})


def _value_bound(source: Source) -> Iterator[tuple[str, int, str]]:
    for function in source.externals():
        moved = [step.name for step in _steps(function) if step.name in MOVES]
        parts = {part for name in _parameters(function) for part in name.split("_")}
        if moved and not parts & BOUNDS:
            text = f"moves value by {moved[0]}, and no parameter bounds it"
            yield function.name, function.lineno, text


def _accrual(source: Source) -> Iterator[tuple[str, int, str]]:
    for function in source.externals():
        found: dict[int, str] = {}

        def visit(step: Step, facts: frozenset, found=found) -> frozenset:
            if step.name in ACCRUALS:
                return frozenset({True})
            # A loop goes on with the market at hand, so one accrual on the way is enough.
            if step.kind == "write" and step.name in ACCRUED_WORDS and True not in facts:
                found.setdefault(step.node.lineno, f"{step.name} is written, nothing accrued yet")
            return facts

        _Paths(visit, 1, VALUATIONS).function(function, frozenset({False}))
        for line, text in found.items():
            yield function.name, line, text


def _turns(node: Any) -> int:
    """The most turns of loops inside one another, through internal calls."""
    from vyper import ast

    most = 1
    for child in node.get_children():
        most = max(most, _turns(child))
    if isinstance(node, ast.Call) and (callee := _callee(node)) is not None:
        return max(most, _turns_of(callee))
    if isinstance(node, ast.For):
        return most * _bound(node)
    return most


@cache
def _turns_of(function: Any) -> int:
    return max([1, *(_turns(statement) for statement in function.body)])


def _bound(loop: Any) -> int:
    """The most turns of one loop; the compiler knows it."""
    from vyper import ast

    if not isinstance(loop.iter, ast.Call):
        kind = _type(loop.iter)
        return int(getattr(kind, "count", None) or getattr(kind, "length", 1))
    bound = _keyword(loop.iter, "bound")
    limits = [bound] if bound is not None else list(loop.iter.args)
    values = [getattr(node.reduced(), "value", 0) for node in limits]
    return values[-1] - (values[0] if len(values) > 1 else 0)


def _loop(source: Source) -> Iterator[tuple[str, int, str]]:
    for function in source.functions():
        if (turns := _turns_of(function)) > MOST_TURNS:
            yield function.name, function.lineno, f"{turns:,} turns"


class _Flow:
    """Where an owner's values go: compared, or on to storage and other contracts."""

    def __init__(self) -> None:
        self.compared: set[str] = set()
        self.used: set[str] = set()
        self.gate = ""  # what msg.sender is compared with

    def function(self, node: Any, known: dict[str, frozenset[str]]) -> None:
        from vyper import ast

        for statement in node.get_descendants(
            (ast.Assign, ast.AnnAssign, ast.AugAssign), include_self=False
        ):
            if statement.value is None:
                continue
            origin = self.origin(statement.value, known)
            if _is_stored(statement.target):
                self.used |= origin
            elif name := getattr(statement.target, "id", ""):
                known[name] = known.get(name, frozenset()) | origin
        for loop in node.get_descendants(ast.For):
            known[loop.target.target.id] = self.origin(loop.iter, known)
        for compare in node.get_descendants(ast.Compare):
            sides = (compare.left, compare.right)
            for side, other in (sides, sides[::-1]):
                if getattr(side, "attr", "") == "sender":
                    self.gate = getattr(other, "id", "") or _word_of(other) or "?"
            self.compared |= self.origin(compare, known)
        for call in node.get_descendants(ast.ExtCall):
            for argument in call.value.args:
                self.used |= self.origin(argument, known)
        for call in node.get_descendants(ast.Call):
            if (callee := _callee(call)) is not None:
                names = [argument.arg for argument in callee.args.args]
                values = [self.origin(argument, known) for argument in call.args]
                self.function(callee, dict(zip(names, values, strict=False)))

    def origin(self, node: Any, known: dict[str, frozenset[str]]) -> frozenset[str]:
        """The parameters of the external function that a value was made of."""
        from vyper import ast

        names = [node] if isinstance(node, ast.Name) else node.get_descendants(ast.Name)
        return frozenset().union(*(known.get(name.id, frozenset()) for name in names))


def _setter_bounds(source: Source) -> Iterator[tuple[str, int, str]]:
    for function in source.externals():
        flow = _Flow()
        names = [argument.arg for argument in function.args.args]
        flow.function(function, {name: frozenset({name}) for name in names})
        # The configurator compares for the clearing house, and is looked at itself.
        if not flow.gate or flow.gate == "CONFIGURATOR":
            continue
        for name in names:
            numeric = hasattr(_parameter(function, name), "is_signed")
            if numeric and name in flow.used - flow.compared:
                yield function.name, function.lineno, f"{name} is taken as it comes"


def _parameter(function: Any, name: str) -> Any:
    return next(a.typ for a in _function_type(function).arguments if a.name == name)


def _kill_note(source: Source) -> Iterator[tuple[str, int, str]]:
    note = source.module.doc_string
    if source.deployable and "@custom:kill" not in (note.value if note else ""):
        yield "", 1, "how is it stopped, by whom, and what still works then?"


def _event(source: Source) -> Iterator[tuple[str, int, str]]:
    for function in source.externals():
        steps = _steps(function)
        writes = [step for step in steps if step.kind == "write"]
        if writes and not any(step.kind == "log" for step in steps):
            yield function.name, function.lineno, f"writes {writes[0].name} and logs nothing"


def _environment(owner: str, attribute: str) -> Callable[[Source], Iterator[tuple[str, int, str]]]:
    def check(source: Source) -> Iterator[tuple[str, int, str]]:
        from vyper import ast

        for function in source.functions():
            for node in function.get_descendants(ast.Attribute, {"attr": attribute}):
                if getattr(node.value, "id", "") == owner:
                    yield function.name, node.lineno, f"{owner}.{attribute}"

    return check


def _raw_call(source: Source) -> Iterator[tuple[str, int, str]]:
    from vyper import ast

    for function in source.functions():
        for node in function.get_descendants(ast.Call):
            if _name(node) == "raw_call" and _keyword(node, "max_outsize") is None:
                yield function.name, node.lineno, "an answer of any length"


LINTS: dict[str, Callable[[Source], Iterator[tuple[str, int, str]]]] = {
    "signed-division": _signed_division,
    "unchecked": _unchecked,
    "call-before-write": _call_before_write,
    "value-bound": _value_bound,
    "accrual": _accrual,
    "loop": _loop,
    "setter-bounds": _setter_bounds,
    "kill-note": _kill_note,
    "event": _event,
    "clock": _environment("block", "number"),
    "origin": _environment("tx", "origin"),
    "raw-call": _raw_call,
}


# Running them


def annotated(text: str, path: Path) -> Source:
    """The typed module of a source text, as if it lay at the path."""
    from vyper.cli.vyper_compile import get_search_paths
    from vyper.compiler.input_bundle import FileInput, FilesystemInputBundle
    from vyper.compiler.phases import CompilerData

    bundle = FilesystemInputBundle(get_search_paths([str(ROOT), str(CONTRACTS)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = CompilerData(FileInput(-1, path, path, text), input_bundle=bundle)
        module = data.annotated_vyper_module
    return Source(str(path.relative_to(ROOT)), module, is_deployable(path))


def findings(source: Source, only: Iterable[str] = LINTS) -> list[Finding]:
    """Everything the lints object to in one source."""
    return sorted(
        Finding(lint, source.file, *found) for lint in only for found in LINTS[lint](source)
    )


def sources() -> list[Path]:
    """What is looked at: all but the mocks."""
    return [path for path in sorted(CONTRACTS.rglob("*.vy")) if "mocks" not in path.parts]


def listed(text: str | None = None) -> dict[tuple[str, str, str], str]:
    """The exceptions with their reasons."""
    entries = tomllib.loads(LISTED.read_text() if text is None else text)["exceptions"]
    known: dict[tuple[str, str, str], str] = {}
    for entry in entries:
        for function in entry["functions"]:
            key = entry["lint"], entry["file"], function
            if entry["lint"] not in LINTS or len(entry["reason"].split()) < 4 or key in known:
                raise SystemExit(f"{LISTED.name}: unknown lint, no reason or listed twice: {key}")
            known[key] = entry["reason"]
    return known


def judge(
    found: Iterable[Finding], known: dict[tuple[str, str, str], str]
) -> tuple[list[Finding], list[tuple[str, str, str]]]:
    """Findings that nobody listed, and exceptions that nothing needs."""
    found = list(found)
    used = {finding.key for finding in found}
    open_ = [finding for finding in found if finding.key not in known]
    return open_, sorted(known.keys() - used)


def everything() -> list[Finding]:
    """The findings of all contracts."""
    return [
        finding for path in sources() for finding in findings(annotated(path.read_text(), path))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="show what is listed too")
    show_all = parser.parse_args().all

    found = everything()
    open_, unused = judge(found, listed())
    for finding in found if show_all else open_:
        print(finding)
    for lint, file, function in unused:
        print(f"{LISTED.name}: nothing in {file} needs {lint} for {function or 'the file'}")
    if open_ or unused:
        raise SystemExit(
            "lints: repair the above, or list it with its reason in scripts/lints.toml"
        )
    print(f"lints: {len(sources())} sources, {len({f.key for f in found})} listed exceptions")


if __name__ == "__main__":
    main()
