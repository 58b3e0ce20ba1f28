"""What a lemma is, and how it is judged: proved, premises satisfiable, seeded bug found."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import z3

from tests.formal.translate import SIGNED, UNSIGNED, Bits, Edit, Integers, Reading, Value

SECONDS = 60  # for one question to the solver; the longest takes two on a quiet machine


@dataclass(frozen=True)
class Lemma:
    name: str
    code: str
    claim: str
    build: Callable[["Proof"], None]
    bug: Edit | str  # an edit of the source; or, of pure arithmetic, the premise that is broken
    scope: str
    bug_at: dict[str, int]
    slow: bool


LEMMAS: list[Lemma] = []


def lemma(
    code: str,
    bug: Edit | str,
    scope: str = "all values in the widths",
    bug_at: dict[str, int] | None = None,
    slow: bool = False,
) -> Callable[[Callable[["Proof"], None]], Callable[["Proof"], None]]:
    """`bug_at`: values at which the bug shows, where the solver does not find them by itself."""

    def register(build: Callable[["Proof"], None]) -> Callable[["Proof"], None]:
        claim = " ".join((build.__doc__ or "").split())
        LEMMAS.append(Lemma(build.__name__, code, claim, build, bug, scope, bug_at or {}, slow))
        return build

    return register


class Proof:
    """What a lemma writes down: premises, translated code, steps, and the goal."""

    def __init__(self, edit: Edit | None = None, broken: bool = False) -> None:
        self.edit = edit
        self.broken = broken
        self.reading: Reading = Integers(edit)
        self.samples: dict[str, tuple[Any, int]] = {}
        self.over_reals = False

    def bits(self) -> None:
        """Read the code as 256-bit words. Before anything else."""
        self.reading = Bits(self.edit)

    def reals(self) -> None:
        """Decide over the reals: what holds there holds for integers; products are decidable."""
        self.over_reals = True

    def var(
        self,
        name: str,
        low: int | None = None,
        high: int | None = None,
        like: int | None = None,
        kind: str = SIGNED,
    ) -> Value:
        """`like`: a value it takes in the example that satisfies all premises."""
        value = self.reading.variable(name, kind, low, high)
        if like is not None:
            self.samples[name] = (value.term, like)
        return value

    def unsigned(
        self, name: str, low: int = 0, high: int | None = None, like: int | None = None
    ) -> Value:
        return self.var(name, low, high, like, UNSIGNED)

    def call(self, place: str, *arguments: Any) -> Any:
        module, function = place.split(".")
        self.reading.written = {}
        return self.reading.call(module, function, *arguments)

    @property
    def written(self) -> dict[str, Any]:
        return self.reading.written

    def stand_in(self, place: str, function: Callable[..., Any]) -> None:
        self.reading.stands_for[place] = function

    def state(self, **places: Any) -> None:
        self.reading.state.update(places)

    def assume(self, *formulas: Any) -> None:
        for formula in formulas:
            self.reading.log.append(("assume", formula, "premise"))

    def show(self, *formulas: Any) -> None:
        """Proved from what stands before; what comes after may use it."""
        for formula in formulas:
            self.reading.log.append(("prove", formula, f"step {formula}"))

    def exact_division(self) -> None:
        """Read calls of libraries/rounding.vy as what the lemmas about it say of them."""
        for name, up in (("_mul_div_up", True), ("_mul_div_down", False)):
            self.stand_in(f"rounding.{name}", self._divider(up, True))
        for name, up in (("_div_up", True), ("_div_down", False)):
            self.stand_in(f"rounding.{name}", self._divider(up, False))

    def _divider(self, up: bool, of_product: bool) -> Callable[..., Value]:
        def divide(*arguments: Value) -> Value:
            reading = self.reading
            numerator = arguments[0]
            if of_product:
                numerator = reading.arithmetic("Mult", arguments[0], arguments[1], False)
            return self.ceiling(numerator, arguments[-1], up)

        return divide

    def ceiling(self, numerator: Value, divisor: Value, up: bool) -> Value:
        reading = self.reading
        if divisor.low <= 0:
            reading.oblige(divisor.term > 0, "divisor is positive")
        quotient = z3.Int(reading.name("up" if up else "down"))
        n, d = numerator.term, divisor.term
        if up:
            reading.fact(z3.Implies(d > 0, z3.And(quotient * d >= n, quotient * d < n + d)))
        else:
            reading.fact(z3.Implies(d > 0, z3.And(quotient * d <= n, quotient * d > n - d)))
        least = max(1, divisor.low)
        corners = [numerator.low // least, -(-numerator.high // least), 0]
        low, high = min(corners[0], 0) - 1, max(corners[1], 0) + 1
        reading.fact(z3.And(low <= quotient, quotient <= high))
        for sign in (numerator.low >= 0, numerator.high <= 0):
            if sign:
                reading.fact(quotient >= 0 if numerator.low >= 0 else quotient <= 0)
        return Value(quotient, SIGNED, low, high)


@dataclass
class Verdict:
    lemma: Lemma
    proved: bool = False
    satisfiable: bool = False
    bug_found: bool = False
    seconds: float = 0.0
    questions: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.proved and self.satisfiable and self.bug_found


def judge(lemma: Lemma, seconds: float = SECONDS) -> Verdict:
    began = time.perf_counter()
    verdict = Verdict(lemma)
    proof = Proof()
    lemma.build(proof)
    verdict.proved = _prove(proof, verdict, seconds)
    verdict.satisfiable = _satisfiable(proof, verdict)
    edit = lemma.bug if isinstance(lemma.bug, Edit) else None
    seeded = Proof(edit, broken=edit is None)
    lemma.build(seeded)
    verdict.bug_found = _refuted(seeded, lemma.bug_at, seconds)
    if not verdict.bug_found:
        verdict.notes.append("the seeded bug was not found")
    verdict.seconds = time.perf_counter() - began
    return verdict


def _prove(proof: Proof, verdict: Verdict, seconds: float) -> bool:
    known: list[Any] = []
    for kind, formula, what in proof.reading.log:
        if kind == "prove":
            verdict.questions += 1
            answer = _ask([*known, z3.Not(formula)], proof.over_reals, seconds)
            if answer != z3.unsat:
                verdict.notes.append(f"{answer}: {what}"[:300])
                return False
        known.append(formula)
    return verdict.questions > 0


def _satisfiable(proof: Proof, verdict: Verdict) -> bool:
    """With every variable at its example the premises are arithmetic that the solver only does."""
    known = [formula for _, formula, _ in proof.reading.log]
    fixed = [term == value for term, value in proof.samples.values()]
    answer = _ask([*known, *fixed], False, SECONDS)
    if answer != z3.sat:
        verdict.notes.append(f"premises: {answer}")
    return answer == z3.sat


def _refuted(proof: Proof, at: dict[str, int], seconds: float) -> bool:
    fixed = [proof.samples[name][0] == value for name, value in at.items()]
    known: list[Any] = []
    for kind, formula, _ in proof.reading.log:
        if kind == "prove":
            answer = _ask([*known, *fixed, z3.Not(formula)], False, seconds)
            if answer == z3.sat:
                return True
        if kind == "assume":
            known.append(formula)
    return False


def _ask(formulas: list[Any], over_reals: bool, seconds: float) -> z3.CheckSatResult:
    # a context of its own: what the solver does must not depend on the lemmas before
    context = z3.Context()
    solver = z3.Solver(ctx=context)
    solver.set("timeout", int(seconds * 1000))
    for formula in formulas:
        solver.add((relaxed(formula) if over_reals else formula).translate(context))
    return solver.check()


def relaxed(term: Any) -> Any:
    """The same formula with its integers as reals."""
    cache: dict[int, Any] = {}

    def walk(node: Any) -> Any:
        key = node.get_id()
        if key not in cache:
            cache[key] = rebuild(node)
        return cache[key]

    def rebuild(node: Any) -> Any:
        if z3.is_int_value(node):
            return z3.RealVal(node.as_long())
        if z3.is_const(node):
            return z3.Real(node.decl().name()) if z3.is_int(node) else node
        children = [walk(child) for child in node.children()]
        kind = node.decl().kind()
        if kind == z3.Z3_OP_ADD:
            return z3.Sum(*children)
        if kind == z3.Z3_OP_MUL:
            return z3.Product(*children)
        if kind == z3.Z3_OP_SUB:
            return children[0] - z3.Sum(*children[1:])
        return {
            z3.Z3_OP_UMINUS: lambda: -children[0],
            z3.Z3_OP_LE: lambda: children[0] <= children[1],
            z3.Z3_OP_LT: lambda: children[0] < children[1],
            z3.Z3_OP_GE: lambda: children[0] >= children[1],
            z3.Z3_OP_GT: lambda: children[0] > children[1],
            z3.Z3_OP_EQ: lambda: children[0] == children[1],
            z3.Z3_OP_DISTINCT: lambda: z3.Distinct(*children),
            z3.Z3_OP_ITE: lambda: z3.If(*children),
            z3.Z3_OP_AND: lambda: z3.And(*children),
            z3.Z3_OP_OR: lambda: z3.Or(*children),
            z3.Z3_OP_NOT: lambda: z3.Not(children[0]),
            z3.Z3_OP_IMPLIES: lambda: z3.Implies(*children),
        }[kind]()

    return walk(term)
