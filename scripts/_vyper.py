"""Compile the deployable contracts for the scripts that snapshot what the compiler says."""

import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
SNAPSHOTS = ROOT / "tests" / "snapshots"


@dataclass(frozen=True)
class Compiled:
    name: str
    runtime: bytes
    layout: dict[str, Any]
    abi: list[dict[str, Any]]

    @property
    def deployed_size(self) -> int:
        """Bytes at the contract's address: the code and, after it, the immutables."""
        return len(self.runtime) + _immutables_end(self.layout.get("code_layout", {}))


def _immutables_end(node: dict[str, Any]) -> int:
    """The end of the data section; modules nest their immutables under their own name."""
    if isinstance(node.get("offset"), int) and isinstance(node.get("length"), int):
        return node["offset"] + node["length"]
    return max((_immutables_end(child) for child in node.values()), default=0)


def is_deployable(path: Path) -> bool:
    """CamelCase.vy has an address, snake_case.vy is a module mounted by one."""
    return path.suffix == ".vy" and path.stem[:1].isupper()


def deployables() -> list[Path]:
    """Every deployable source, by name; two of one name would collide in ape."""
    found = sorted(filter(is_deployable, CONTRACTS.rglob("*.vy")), key=lambda path: path.stem)
    for first, second in pairwise(found):
        if first.stem == second.stem:
            raise SystemExit(f"two contracts have one name: {first} and {second}")
    return found


def compile_contract(path: Path) -> Compiled:
    from vyper.cli.vyper_compile import compile_files

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        formats = ("bytecode_runtime", "layout", "abi")
        [output] = compile_files([str(path)], formats, paths=[str(ROOT)]).values()
    runtime = bytes.fromhex(output["bytecode_runtime"].removeprefix("0x"))
    return Compiled(path.stem, runtime, output["layout"], output["abi"])


def _compile_or_message(path: Path) -> Compiled | str:
    """Compiler errors do not survive the way between processes; their text does."""
    try:
        return compile_contract(path)
    except Exception as error:
        return f"{path.relative_to(ROOT)} does not compile:\n{error}"


def compile_all() -> list[Compiled]:
    """All deployables in the order of their names; ends the program if one does not compile."""
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(_compile_or_message, deployables()))
    failures = [result for result in results if isinstance(result, str)]
    if failures:
        raise SystemExit("\n\n".join(failures))
    return [result for result in results if isinstance(result, Compiled)]
