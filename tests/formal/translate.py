"""Vyper's internal functions as z3 terms, so that a lemma is about the source and not about a copy.

Two readings of the same syntax tree. `Integers`: unbounded integers, each quotient a fresh variable
with its defining inequalities. Checked arithmetic either equals it or reverts; what `unsafe_*` does
equals it only within the width, so each such operation adds a proof obligation. `Bits`: 256-bit
vectors, exact for shifts and masks, too slow for products.

A path that reverts makes no claim. Loops and calls to other contracts are not translated: a lemma
names a stand-in for what contains them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import z3
from vyper import ast

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
FOLDERS = ("libraries", "liquidation", "core", "vaults", "venues", "pricing")
SIGNED = "int256"
UNSIGNED = "uint256"
RANGES = {
    SIGNED: (-(2**255), 2**255 - 1),
    UNSIGNED: (0, 2**256 - 1),
    "bytes32": (0, 2**256 - 1),
    "int128": (-(2**127), 2**127 - 1),
    "int112": (-(2**111), 2**111 - 1),
    "int104": (-(2**103), 2**103 - 1),
}


class UntranslatableError(Exception):
    """The source uses what this translator does not know."""


@dataclass(frozen=True)
class Value:
    """A term with its Vyper type and what is known of its range without a solver."""

    term: Any
    kind: str  # "" for a literal, which takes the type of its neighbour
    low: int = 0
    high: int = 0
    zeros: int = 0  # low bits known to be zero
    modular: bool = False  # a negative number reread as bits: known but for a multiple of 2^256


@dataclass(frozen=True)
class Edit:
    """A bug: a piece of one function of one source, and what replaces it."""

    module: str
    function: str
    old: str
    new: str


@dataclass
class Module:
    name: str
    source: str
    functions: dict[str, Any] = field(default_factory=dict)
    constants: dict[str, tuple[Any, str]] = field(default_factory=dict)
    structs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)


def find(module: str) -> Path:
    paths = [CONTRACTS / folder / f"{module}.vy" for folder in FOLDERS]
    for path in paths:
        if path.exists():
            return path
    raise UntranslatableError(f"no module {module}")


@cache
def load(name: str, edit: Edit | None = None) -> Module:
    source = find(name).read_text()
    if edit is not None and edit.module == name:
        start = source.index(f"def {edit.function}(")
        end = source.find("\ndef ", start)
        body = source[start : end if end > 0 else len(source)]
        if body.count(edit.old) != 1:
            raise UntranslatableError(f"{edit.function} has {body.count(edit.old)} of {edit.old!r}")
        source = source[:start] + body.replace(edit.old, edit.new) + source[start + len(body) :]
    module = Module(name, source)
    for node in ast.parse_to_ast(source).body:
        if isinstance(node, ast.FunctionDef):
            module.functions[node.name] = node
        elif isinstance(node, ast.VariableDecl) and node.is_constant:
            module.constants[node.target.id] = (node.value, _type(node.annotation))
        elif isinstance(node, ast.StructDef):
            module.structs[node.name] = [
                (line.target.id, _type(line.annotation)) for line in node.body
            ]
        elif isinstance(node, ast.ImportFrom):
            module.imports[node.alias or node.name] = node.name
    return module


def _type(annotation: Any) -> str:
    if isinstance(annotation, ast.Name):
        return annotation.id
    if isinstance(annotation, ast.Attribute):
        return annotation.attr
    return type(annotation).__name__


class Reading:
    """What is common to both readings: control flow, calls, types."""

    def __init__(self, edit: Edit | None = None) -> None:
        self.edit = edit
        self.path: list[Any] = []
        # in the order of execution: ("assume" | "prove", formula, what it is)
        self.log: list[tuple[str, Any, str]] = []
        self.state: dict[str, Any] = {}
        self.written: dict[str, Any] = {}
        self.stands_for: dict[str, Callable[..., Any]] = {}
        self.fresh_names = 0

    # What the two readings do differently

    def literal(self, value: int, kind: str) -> Value:
        raise NotImplementedError

    def variable(self, name: str, kind: str, low: int | None, high: int | None) -> Value:
        raise NotImplementedError

    def arithmetic(self, op: str, left: Value, right: Value, checked: bool) -> Value:
        raise NotImplementedError

    def compare(self, op: str, left: Value, right: Value) -> Any:
        raise NotImplementedError

    def cast(self, value: Value, kind: str) -> Value:
        raise NotImplementedError

    # Calls

    def call(self, module: str, function: str, *arguments: Any) -> Any:
        """The value of an internal function; storage it writes is in `written`."""
        stand_in = self.stands_for.get(f"{module}.{function}")
        if stand_in is not None:
            return stand_in(*arguments)
        source = load(module, self.edit)
        node = source.functions[function]
        names = [argument.arg for argument in node.args.args]
        kinds = [_type(argument.annotation) for argument in node.args.args]
        frame = {
            name: self.cast(value, kind) if isinstance(value, Value) and not value.kind else value
            for name, kind, value in zip(names, kinds, arguments, strict=True)
        }
        value, self.written = self._block(source, list(node.body), frame)
        returns = node.returns
        if isinstance(value, Value) and not value.kind:
            value = self.cast(value, _type(returns))
        return value

    def _block(self, source: Module, body: list[Any], frame: dict[str, Any]) -> tuple[Any, dict]:
        for at, node in enumerate(body):
            rest = body[at + 1 :]
            if isinstance(node, ast.Return):
                value = None if node.value is None else self.value(source, node.value, frame)
                return value, self.written
            if isinstance(node, ast.If):
                condition = self.value(source, node.test, frame).term
                return self._fork(source, condition, node, rest, frame)
            self._statement(source, node, frame)
        return None, self.written

    def _fork(
        self, source: Module, condition: Any, node: Any, rest: list[Any], frame: dict[str, Any]
    ) -> tuple[Any, dict]:
        condition = z3.simplify(condition)
        if z3.is_true(condition) or z3.is_false(condition):
            branch = node.body if z3.is_true(condition) else node.orelse
            return self._block(source, [*branch, *rest], frame)
        before = dict(self.written)
        outcomes = []
        for branch, holds in ((node.body, condition), (node.orelse, z3.Not(condition))):
            self.written = dict(before)
            self.path.append(holds)
            outcomes.append(self._block(source, [*branch, *rest], _copy(frame)))
            self.path.pop()
        (first, after_first), (second, after_second) = outcomes
        value = self.choose(condition, first, second)
        written = {}
        for key in after_first | after_second:
            one = after_first.get(key, self.state.get(key))
            other = after_second.get(key, self.state.get(key))
            if one is None or other is None:
                raise UntranslatableError(f"{key} is written on one path only: give its state")
            written[key] = self.choose(condition, one, other)
        return value, written

    def choose(self, condition: Any, first: Any, second: Any) -> Any:
        if first is None and second is None:
            return None
        if isinstance(first, tuple):
            return tuple(self.choose(condition, a, b) for a, b in zip(first, second, strict=True))
        if isinstance(first, dict):
            return {name: self.choose(condition, first[name], second[name]) for name in first}
        first, second = self.matched(first, second)
        return Value(
            z3.If(condition, first.term, second.term),
            first.kind,
            min(first.low, second.low),
            max(first.high, second.high),
            modular=first.modular or second.modular,
        )

    def _statement(self, source: Module, node: Any, frame: dict[str, Any]) -> None:
        if isinstance(node, ast.AnnAssign | ast.VariableDecl):
            value = self.value(source, node.value, frame)
            frame[node.target.id] = self._typed(value, _type(node.annotation))
        elif isinstance(node, ast.Assign):
            self._assign(source, node.target, self.value(source, node.value, frame), frame)
        elif isinstance(node, ast.AugAssign):
            left = self.value(source, node.target, frame)
            right = self.value(source, node.value, frame)
            self._assign(
                source, node.target, self._operate(type(node.op).__name__, left, right), frame
            )
        elif isinstance(node, ast.Assert):
            self.revert_unless(self.value(source, node.test, frame).term, "assert")
        elif isinstance(node, ast.Expr):
            if not isinstance(node.value, ast.Str):
                self.value(source, node.value, frame)
        elif not isinstance(node, ast.Log | ast.Pass):
            raise UntranslatableError(f"{type(node).__name__} at {source.name}:{node.lineno}")

    def _typed(self, value: Any, kind: str) -> Any:
        return self.cast(value, kind) if isinstance(value, Value) and not value.kind else value

    def _assign(self, source: Module, target: Any, value: Any, frame: dict[str, Any]) -> None:
        if isinstance(target, ast.Tuple):
            for place, part in zip(target.elements, value, strict=True):
                self._assign(source, place, part, frame)
        elif isinstance(target, ast.Name):
            old = frame.get(target.id)
            frame[target.id] = self._typed(value, old.kind) if isinstance(old, Value) else value
        elif isinstance(target, ast.Attribute) and target.value.id in frame:
            old = frame[target.value.id][target.attr]
            frame[target.value.id] = frame[target.value.id] | {
                target.attr: self._typed(value, old.kind)
            }
        else:
            self.written[_place(target)] = value

    # Expressions

    def value(self, source: Module, node: Any, frame: dict[str, Any]) -> Any:
        if isinstance(node, ast.Int):
            return self.literal(node.value, "")
        if isinstance(node, ast.Hex):
            return self.literal(int(node.value, 16), UNSIGNED)
        if isinstance(node, ast.NameConstant):
            return Value(z3.BoolVal(node.value), "bool", 0, 1)
        if isinstance(node, ast.Name):
            return self._name(source, node.id, frame)
        if isinstance(node, ast.Attribute | ast.Subscript):
            return self._attribute(source, node, frame)
        if isinstance(node, ast.Tuple):
            return tuple(self.value(source, part, frame) for part in node.elements)
        if isinstance(node, ast.BinOp):
            left = self.value(source, node.left, frame)
            right = self.value(source, node.right, frame)
            return self._operate(type(node.op).__name__, left, right)
        if isinstance(node, ast.UnaryOp):
            operand = self.value(source, node.operand, frame)
            return self._unary(type(node.op).__name__, operand)
        if isinstance(node, ast.Compare):
            left = self.value(source, node.left, frame)
            right = self.value(source, node.right, frame)
            left, right = self.matched(left, right)
            op = type(node.op).__name__
            if left.kind == "bool":
                same = left.term == right.term
                return Value(same if op == "Eq" else z3.Not(same), "bool", 0, 1)
            return Value(self.compare(op, left, right), "bool", 0, 1)
        if isinstance(node, ast.BoolOp):
            parts = [self.value(source, part, frame).term for part in node.values]
            join = z3.And if isinstance(node.op, ast.And) else z3.Or
            return Value(join(*parts), "bool", 0, 1)
        if isinstance(node, ast.IfExp):
            condition = self.value(source, node.test, frame).term
            first = self.value(source, node.body, frame)
            return self.choose(condition, first, self.value(source, node.orelse, frame))
        if isinstance(node, ast.Call):
            return self._called(source, node, frame)
        if isinstance(node, ast.StaticCall):
            return self._external(node)
        raise UntranslatableError(f"{type(node).__name__} at {source.name}:{node.lineno}")

    def _name(self, source: Module, name: str, frame: dict[str, Any]) -> Any:
        if name in frame:
            return frame[name]
        if name in source.constants:
            node, kind = source.constants[name]
            return self._typed(self.value(source, node, {}), kind)
        if name in self.state:
            return self.state[name]
        raise UntranslatableError(f"{name} in {source.name}")

    def _attribute(self, source: Module, node: Any, frame: dict[str, Any]) -> Any:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = node.value.id
            if owner in frame:
                return frame[owner][node.attr]
            if owner in source.imports and owner not in ("self", "block", "msg"):
                other = load(source.imports[owner], self.edit)
                if node.attr in other.constants:
                    return self._name(other, node.attr, {})
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call | ast.StaticCall):
            return self.value(source, node.value, frame)[node.slice.value]
        place = _place(node)
        if place in self.written:
            return self.written[place]
        if place in self.state:
            return self.state[place]
        raise UntranslatableError(f"{place} in {source.name}: give its state")

    def _external(self, node: Any) -> Any:
        """What another contract answers: anything, or what the lemma says."""
        place = f"external {node.value.func.attr}"
        if place not in self.state:
            raise UntranslatableError(f"{place}: give its state")
        return self.state[place]

    def _called(self, source: Module, node: Any, frame: dict[str, Any]) -> Any:
        name = node.func
        if isinstance(name, ast.Attribute) and isinstance(name.value, ast.Name):
            owner = source.name if name.value.id == "self" else source.imports.get(name.value.id)
            if owner == "errors":
                self.revert_unless(self.value(source, node.args[0], frame).term, "require")
                return None
            arguments = [self.value(source, part, frame) for part in node.args]
            if owner is not None:
                return self._inner(owner, name.attr, arguments)
            raise UntranslatableError(f"{name.value.id}.{name.attr} in {source.name}")
        if name.id == "empty":
            return self._empty(source, _type(node.args[0]))
        if name.id in source.structs:
            return {item.arg: self.value(source, item.value, frame) for item in node.keywords}
        if name.id == "convert":
            return self.convert(self.value(source, node.args[0], frame), _type(node.args[1]))
        arguments = [self.value(source, part, frame) for part in node.args]
        return self._builtin(name.id, arguments)

    def _inner(self, module: str, function: str, arguments: list[Any]) -> Any:
        before = self.written
        value = self.call(module, function, *arguments)
        self.written = before | self.written
        return value

    def _empty(self, source: Module, name: str) -> Any:
        if name not in source.structs:
            return self.literal(0, name)
        return {
            member: Value(z3.BoolVal(False), "bool", 0, 1)
            if kind == "bool"
            else self.literal(0, kind)
            for member, kind in source.structs[name]
        }

    def _builtin(self, name: str, arguments: list[Value]) -> Value:
        if name in ("min", "max"):
            left, right = self.matched(*arguments)
            first = self.compare("LtE" if name == "min" else "GtE", left, right)
            pick = min if name == "min" else max
            return Value(
                z3.If(first, left.term, right.term),
                left.kind,
                pick(left.low, right.low),
                pick(left.high, right.high),
            )
        if name == "abs":
            [signed] = arguments
            negative = self.compare("Lt", signed, self.literal(0, signed.kind))
            minus = self.arithmetic("Sub", self.literal(0, signed.kind), signed, True)
            low = 0 if signed.low < 0 < signed.high else min(abs(signed.low), abs(signed.high))
            high = max(abs(signed.low), abs(signed.high))
            return Value(z3.If(negative, minus.term, signed.term), signed.kind, low, high)
        operations = {
            "unsafe_add": "Add",
            "unsafe_sub": "Sub",
            "unsafe_mul": "Mult",
            "unsafe_div": "FloorDiv",
        }
        if name not in operations:
            raise UntranslatableError(name)
        left, right = self.matched(*arguments)
        return self.arithmetic(operations[name], left, right, False)

    def _operate(self, op: str, left: Value, right: Value) -> Value:
        if op == "Pow":
            base, exponent = left.term.as_long(), right.term.as_long()
            return self.literal(base**exponent, left.kind)
        if op not in ("LShift", "RShift"):
            left, right = self.matched(left, right)
        return self.arithmetic(op, left, right, True)

    def _unary(self, op: str, operand: Value) -> Value:
        if op == "Not":
            return Value(z3.Not(operand.term), "bool", 0, 1)
        if op == "USub":
            return self.arithmetic("Sub", self.literal(0, operand.kind), operand, True)
        return self.inverted(operand)

    def inverted(self, operand: Value) -> Value:
        raise UntranslatableError("~ on integers")

    def matched(self, left: Value, right: Value) -> tuple[Value, Value]:
        """Literals take the type of the other side."""
        if not left.kind and right.kind:
            left = self.cast(left, right.kind)
        if not right.kind and left.kind:
            right = self.cast(right, left.kind)
        return left, right

    def convert(self, value: Value, kind: str) -> Value:
        if value.kind == "bool":
            one, zero = self.literal(1, kind), self.literal(0, kind)
            return Value(z3.If(value.term, one.term, zero.term), kind, 0, 1)
        return self.cast(value, kind)

    # The log

    def revert_unless(self, formula: Any, what: str) -> None:
        self._note("assume", formula, what)

    def fact(self, formula: Any) -> None:
        """A definition: true whatever the path."""
        self.log.append(("assume", formula, "definition"))

    def oblige(self, formula: Any, what: str) -> None:
        self._note("prove", formula, what)

    def _note(self, kind: str, formula: Any, what: str) -> None:
        if self.path:
            formula = z3.Implies(z3.And(*self.path), formula)
        self.log.append((kind, formula, what))

    def name(self, stem: str) -> str:
        self.fresh_names += 1
        return f"{stem}!{self.fresh_names}"


def _copy(frame: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(item) if isinstance(item, dict) else item for name, item in frame.items()}


def _place(node: Any) -> str:
    """A place in storage, or of the environment, as the source writes it."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _place(node.value)
        return node.attr if owner == "self" else f"{owner}.{node.attr}"
    if isinstance(node, ast.Subscript):
        return f"{_place(node.value)}[{_place(node.slice)}]"
    if isinstance(node, ast.Call):
        return f"{_place(node.func)}({', '.join(_place(part) for part in node.args)})"
    return type(node).__name__


class Integers(Reading):
    def __init__(self, edit: Edit | None = None) -> None:
        super().__init__(edit)
        self.parts: dict[tuple[int, int], tuple[Value, Value]] = {}
        self.kept: list[Any] = []  # terms whose ids are keys
        self.quotients: list[Value] = []  # in the order of the source
        self.fields: dict[int, list[tuple[int, Value]]] = {}

    def literal(self, value: int, kind: str) -> Value:
        return Value(z3.IntVal(value), kind, value, value)

    def variable(self, name: str, kind: str, low: int | None, high: int | None) -> Value:
        least, most = RANGES[kind]
        low, high = least if low is None else low, most if high is None else high
        term = z3.Int(name)
        self.log.append(("assume", z3.And(low <= term, term <= high), f"range of {name}"))
        return Value(term, kind, low, high)

    def within(self, term: Any, kind: str, low: int, high: int, what: str, checked: bool) -> Value:
        least, most = RANGES[kind or SIGNED]
        if kind and not (least <= low and high <= most):
            inside = z3.And(least <= term, term <= most)
            if checked:
                self.revert_unless(inside, f"{what} in {kind}")
            else:
                self.oblige(inside, f"{what} in {kind}")
            low, high = max(low, least), min(high, most)
        return Value(term, kind, low, high)

    def arithmetic(self, op: str, left: Value, right: Value, checked: bool) -> Value:
        a, b = left.term, right.term
        kind = left.kind
        if (left.modular or right.modular) and (checked or op not in ("Add", "Sub")):
            raise UntranslatableError(f"{op} of a number that may have wrapped")
        # a sum of what may have wrapped is exact again if it is proved to be within its type
        if op in ("Add", "Sub", "Mult") and left.low == left.high and right.low == right.high:
            # constants of the source: masks and scales have to be numbers for what follows
            x, y = left.low, right.low
            folded = {"Add": x + y, "Sub": x - y, "Mult": x * y}[op]
            return self.within(z3.IntVal(folded), kind, folded, folded, "constant", checked)
        if op == "Add":
            return self.within(
                a + b, kind, left.low + right.low, left.high + right.high, "sum", checked
            )
        if op == "Sub":
            return self.within(
                a - b, kind, left.low - right.high, left.high - right.low, "difference", checked
            )
        if op == "Mult":
            corners = [x * y for x in (left.low, left.high) for y in (right.low, right.high)]
            return self.within(a * b, kind, min(corners), max(corners), "product", checked)
        if op == "FloorDiv":
            return self.quotient(left, right)
        if op == "RShift":
            return self.split(left, _number(right))[0]
        if op == "LShift":
            bits = _number(right)
            low, high = left.low << bits, left.high << bits
            value = self.within(a * 2**bits, kind, low, high, "shift", False)
            return Value(value.term, kind, value.low, value.high, bits)
        if op == "BitAnd":
            mask = _number(right)
            if mask & (mask - 1) == 0 and mask:
                # one bit, in its place
                at = mask.bit_length() - 1
                bit = self.split(self.split(left, at)[0], 1)[1]
                return Value(bit.term * mask, kind, 0, mask, at)
            if mask & (mask + 1):
                raise UntranslatableError(f"mask {mask:#x} on integers")
            return self.split(left, mask.bit_length())[1]
        if op == "BitOr":
            above, below = (left, right) if left.zeros else (right, left)
            if not (below.low >= 0 and below.high < 2**above.zeros):
                raise UntranslatableError("| of fields that may overlap")
            return Value(a + b, kind, above.low + below.low, above.high + below.high)
        raise UntranslatableError(op)

    def quotient(self, left: Value, right: Value) -> Value:
        """Toward zero. The divisor must be positive, as Vyper's unsafe_div by zero is zero."""
        if right.low <= 0:
            self.oblige(right.term > 0, "divisor is positive")
        quotient, rest = z3.Int(self.name("quotient")), z3.Int(self.name("rest"))
        n, d = left.term, right.term
        self.fact(
            z3.Implies(
                d > 0,
                z3.And(
                    n == quotient * d + rest,
                    z3.Implies(n >= 0, z3.And(rest >= 0, rest < d, quotient >= 0)),
                    z3.Implies(n < 0, z3.And(-d < rest, rest <= 0, quotient <= 0)),
                ),
            )
        )
        least = max(1, right.low)
        low = -(-left.low // least) if left.low < 0 else left.low // max(1, right.high)
        high = left.high // least if left.high >= 0 else 0
        self.fact(z3.And(low <= quotient, quotient <= high))
        self.quotients.append(Value(quotient, left.kind, low, high))
        return self.quotients[-1]

    def packed(self, fields: list[tuple[int, Value]]) -> Value:
        """A word of unsigned fields (offset, value), lowest first, that is cut between them only.
        Where shifts and masks cut is read from the source; that they cut so is a lemma on bits."""
        term = z3.Sum(*[value.term * 2**offset for offset, value in fields])
        high = sum(value.high << offset for offset, value in fields)
        word = Value(term, "uint256", 0, high)
        self.kept.append(term)
        self.fields[term.get_id()] = fields
        return word

    def _cut(self, fields: list[tuple[int, Value]]) -> Value:
        if not fields:
            return self.literal(0, "uint256")
        if len(fields) == 1 and fields[0][0] == 0:
            return fields[0][1]
        return self.packed(fields)

    def split(self, value: Value, bits: int) -> tuple[Value, Value]:
        """What lies above so many bits, and below."""
        key = (value.term.get_id(), bits)
        fields = self.fields.get(value.term.get_id(), [])
        below = [item for item in fields if item[0] < bits]
        if fields and all(item.high < 2 ** (bits - offset) for offset, item in below):
            above = [(offset - bits, item) for offset, item in fields if offset >= bits]
            return self._cut(above), self._cut(below)
        if key not in self.parts:
            self.kept.append(value.term)
            above, below = z3.Int(self.name("above")), z3.Int(self.name("below"))
            self.fact(z3.And(value.term == above * 2**bits + below, below >= 0, below < 2**bits))
            self.parts[key] = (
                Value(above, value.kind, value.low >> bits, value.high >> bits),
                Value(below, value.kind, 0, min(2**bits - 1, max(value.high, 0))),
            )
            self.fact(z3.And(value.low >> bits <= above, above <= value.high >> bits))
        return self.parts[key]

    def compare(self, op: str, left: Value, right: Value) -> Any:
        if left.modular or right.modular:
            raise UntranslatableError(f"{op} of a number that may have wrapped")
        if left.high < right.low or left.low > right.high:
            # the ranges decide it, and a branch less is looked at
            below = left.high < right.low
            return z3.BoolVal(op == "NotEq" or (below == (op in ("Lt", "LtE")) and op != "Eq"))
        a, b = left.term, right.term
        return {
            "Lt": a < b,
            "LtE": a <= b,
            "Gt": a > b,
            "GtE": a >= b,
            "Eq": a == b,
            "NotEq": a != b,
        }[op]

    def cast(self, value: Value, kind: str) -> Value:
        if not value.kind:
            return Value(value.term, kind, value.low, value.high)
        if "bytes32" in (value.kind, kind):
            # bits reread as another type wrap where a conversion reverts
            least, most = RANGES[kind]
            wraps = value.low < least or value.high > most
            return Value(value.term, kind, value.low, value.high, 0, wraps)
        return self.within(value.term, kind, value.low, value.high, f"{value.kind} as {kind}", True)


def _number(value: Value) -> int:
    if value.low != value.high:
        raise UntranslatableError(f"{value.term} is no constant")
    return value.low


class Bits(Reading):
    def literal(self, value: int, kind: str) -> Value:
        return Value(z3.BitVecVal(value, 256), kind, value, value)

    def variable(self, name: str, kind: str, low: int | None, high: int | None) -> Value:
        term = z3.BitVec(name, 256)
        value = Value(term, kind, *RANGES[kind])
        if low is not None:
            bound = self.compare("GtE", value, self.literal(low, kind))
            self.log.append(("assume", bound, f"range of {name}"))
        if high is not None:
            bound = self.compare("LtE", value, self.literal(high, kind))
            self.log.append(("assume", bound, f"range of {name}"))
        return value

    def arithmetic(self, op: str, left: Value, right: Value, checked: bool) -> Value:
        a, b, signed = left.term, right.term, left.kind == SIGNED
        if op in ("Add", "Sub", "Mult") and checked:
            self.revert_unless(_no_wrap(op, a, b, signed), f"{op} in {left.kind}")
        term = {
            "Add": lambda: a + b,
            "Sub": lambda: a - b,
            "Mult": lambda: a * b,
            "FloorDiv": lambda: a / b if signed else z3.UDiv(a, b),
            "LShift": lambda: a << b,
            "RShift": lambda: a >> b if signed else z3.LShR(a, b),
            "BitAnd": lambda: a & b,
            "BitOr": lambda: a | b,
        }[op]()
        return Value(term, left.kind, left.low, left.high)

    def inverted(self, operand: Value) -> Value:
        return Value(~operand.term, operand.kind)

    def compare(self, op: str, left: Value, right: Value) -> Any:
        a, b, signed = left.term, right.term, SIGNED in (left.kind, right.kind)
        return {
            "Lt": a < b if signed else z3.ULT(a, b),
            "LtE": a <= b if signed else z3.ULE(a, b),
            "Gt": a > b if signed else z3.UGT(a, b),
            "GtE": a >= b if signed else z3.UGE(a, b),
            "Eq": a == b,
            "NotEq": a != b,
        }[op]

    def cast(self, value: Value, kind: str) -> Value:
        low, high = RANGES[kind]
        result = Value(value.term, kind, low, high)
        narrow = high < RANGES[SIGNED][1]
        if value.kind == SIGNED and narrow:
            inside = z3.And(value.term >= low, value.term <= high)
            self.revert_unless(inside, f"in {kind}")
        elif {value.kind, kind} == {SIGNED, UNSIGNED}:
            self.revert_unless(value.term >= 0, f"{value.kind} as {kind}")
        return result


def _no_wrap(op: str, a: Any, b: Any, signed: bool) -> Any:
    if op == "Add":
        over = z3.BVAddNoOverflow(a, b, signed)
        return z3.And(over, z3.BVAddNoUnderflow(a, b)) if signed else over
    if op == "Sub":
        under = z3.BVSubNoUnderflow(a, b, signed)
        return z3.And(under, z3.BVSubNoOverflow(a, b)) if signed else under
    over = z3.BVMulNoOverflow(a, b, signed)
    return z3.And(over, z3.BVMulNoUnderflow(a, b)) if signed else over
