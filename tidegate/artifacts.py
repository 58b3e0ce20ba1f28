"""Contracts compiled from source with the installed vyper; cached under .build/ by their texts."""

import hashlib
import importlib.metadata
import json
import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tidegate.abi import Abi

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
CACHE = ROOT / ".build" / "artifacts"


@dataclass(frozen=True)
class Artifact:
    """One deployable contract."""

    name: str
    entries: list[dict[str, Any]]  # the ABI as JSON
    bytecode: bytes  # creation code, without constructor arguments
    runtime: bytes  # without the immutables that deployment puts behind it
    immutables_size: int  # bytes

    @cached_property
    def abi(self) -> Abi:
        return Abi(self.name, self.entries)

    @property
    def runtime_size(self) -> int:
        """Bytes at the contract's address."""
        return len(self.runtime) + self.immutables_size


def source_of(name: str) -> Path:
    """The file of a deployable contract, wherever it lies in contracts/."""
    found = sorted(CONTRACTS.rglob(f"{name}.vy"))
    if len(found) != 1:
        raise FileNotFoundError(f"{len(found)} sources of the name {name}.vy in {CONTRACTS}")
    return found[0]


def artifact(name: str) -> Artifact:
    """The compiled contract of this name; unchanged sources are not compiled again."""
    path = source_of(name)
    stored = _read(path)
    return stored if stored is not None else _compiled(path)


def artifacts(names: Iterable[str]) -> dict[str, Artifact]:
    """Several contracts at once; what is not in the cache is compiled in parallel."""
    paths = {name: source_of(name) for name in names}
    missing = [path for path in paths.values() if _read(path) is None]
    if len(missing) > 1:
        with ProcessPoolExecutor(max_workers=min(len(missing), os.cpu_count() or 1)) as pool:
            for failure in pool.map(_compile_or_message, missing):
                if failure:
                    raise CompileError(failure)
    return {name: artifact(name) for name in paths}


def from_source(source: str, name: str = "Inline") -> Artifact:
    """Compile a text that is not in contracts/, as if it lay in the project root. Not cached."""
    from vyper.compiler.input_bundle import FileInput

    path = ROOT / f"{name}.vy"
    return _build(name, FileInput(-1, Path(f"{name}.vy"), path, source))[0]


def standard_json(name: str) -> dict[str, Any]:
    """The compiler's standard JSON input of a contract, for explorers: the same on every machine.

    Sources are named from the project's root or, of installed libraries, from their package.
    """
    from vyper import __long_version__
    from vyper.compiler.input_bundle import FileInput

    path = source_of(name)
    data = _compiler(FileInput(-1, path, path, path.read_text()))
    inputs = [file for file in data.resolved_imports.compiler_inputs if not file.from_builtin]
    texts = {_portable(Path(file.resolved_path)): file.contents for file in inputs}
    target = _portable(path)
    texts[target] = path.read_text()
    sources = {
        key: {"content": text, "sha256sum": _digest(text)} for key, text in sorted(texts.items())
    }
    return {
        "language": "Vyper",
        "compiler_version": f"v{__long_version__}",
        "integrity": data.integrity_sum,
        "sources": sources,
        "settings": {"search_paths": ["."], "outputSelection": {target: ["*"]}},
    }


def _portable(path: Path) -> str:
    """A source's path without the machine's part."""
    parts = path.parts
    if "site-packages" in parts:
        last = len(parts) - 1 - parts[::-1].index("site-packages")
        return "/".join(parts[last + 1 :])
    return path.relative_to(ROOT).as_posix()


class CompileError(Exception):
    """A contract that does not compile; the text is the compiler's."""


def _versions() -> str:
    return " ".join(f"{name} {importlib.metadata.version(name)}" for name in ("vyper", "snekmate"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _cache_file(path: Path) -> Path:
    return CACHE / f"{path.stem}.json"


def _read(path: Path) -> Artifact | None:
    """The stored artifact, if every source it came from is still the same."""
    try:
        text = _cache_file(path).read_text()
    except FileNotFoundError:
        return None
    stored = json.loads(text)
    if stored["versions"] != _versions() or stored["source"] != str(path.relative_to(ROOT)):
        return None
    for source, digest in stored["sources"].items():
        file = ROOT / source
        if not file.exists() or _digest(file.read_text()) != digest:
            return None
    return _from_text(text)


@lru_cache(maxsize=64)
def _from_text(text: str) -> Artifact:
    fields = json.loads(text)["artifact"]
    for key in ("bytecode", "runtime"):
        fields[key] = bytes.fromhex(fields[key])
    return Artifact(**fields)


def _compile_or_message(path: Path) -> str:
    """Compiler errors do not survive the way between processes; their text does."""
    try:
        _compiled(path)
    except Exception as error:
        return f"{path.relative_to(ROOT)} does not compile:\n{error}"
    return ""


def _compiled(path: Path) -> Artifact:
    """Compile a file and store the result."""
    from vyper.compiler.input_bundle import FileInput

    text = path.read_text()
    result, sources = _build(path.stem, FileInput(-1, path, path, text))
    fields = asdict(result)
    for key in ("bytecode", "runtime"):
        fields[key] = fields[key].hex()
    sources[path] = text
    # Libraries of site-packages change with their version only.
    inside = {file: text for file, text in sources.items() if file.is_relative_to(CONTRACTS)}
    stored = {
        "versions": _versions(),
        "source": str(path.relative_to(ROOT)),
        "sources": {str(file.relative_to(ROOT)): _digest(text) for file, text in inside.items()},
        "artifact": fields,
    }
    CACHE.mkdir(parents=True, exist_ok=True)
    # Other processes may be doing the same; the rename is the moment it becomes visible.
    partial = _cache_file(path).with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(stored))
    partial.replace(_cache_file(path))
    return result


def _compiler(source: Any) -> Any:
    from vyper.cli.vyper_compile import get_search_paths
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.phases import CompilerData

    bundle = FilesystemInputBundle(get_search_paths([str(ROOT), str(CONTRACTS)]))
    return CompilerData(source, input_bundle=bundle)


def _build(name: str, source: Any) -> tuple[Artifact, dict[Path, str]]:
    """Run the compiler; also gives the text of every file it imported, directly or not."""
    from vyper.compiler import outputs_from_compiler_data

    data = _compiler(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = outputs_from_compiler_data(data, ("abi", "bytecode", "bytecode_runtime", "layout"))
    result = Artifact(
        name=name,
        entries=output["abi"],
        bytecode=bytes.fromhex(output["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(output["bytecode_runtime"].removeprefix("0x")),
        immutables_size=_end(output["layout"].get("code_layout", {})),
    )
    # The texts the compiler saw, not what the files hold by now.
    imports = data.resolved_imports.compiler_inputs
    return result, {Path(file.resolved_path): file.contents for file in imports}


def _end(node: dict[str, Any]) -> int:
    """The end of the data section; modules nest their immutables under their own name."""
    if isinstance(node.get("offset"), int) and isinstance(node.get("length"), int):
        return node["offset"] + node["length"]
    return max((_end(child) for child in node.values()), default=0)
