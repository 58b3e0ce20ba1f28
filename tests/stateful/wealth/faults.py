"""Bugs to be found: contracts compiled with one line changed, in a copy of the sources."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from tidegate import artifacts
from tidegate.artifacts import ROOT, Artifact

CONTRACTS = ROOT / "contracts"
CACHE = ROOT / ".build" / "faults"


@dataclass(frozen=True)
class Fault:
    """A text in a file of contracts/ and what takes its place; the contract that it spoils."""

    contract: str
    file: str
    text: str
    instead: str


FAULTS = {
    "the lapse fee is never taken": Fault(
        "Exchange",
        "venues/Exchange.vy",
        "        if lapsed:\n",
        "        if MIN_KEEPER_FEE == 0:\n",
    ),
    "cancelling is free for the whole window": Fault(
        "Exchange",
        "venues/Exchange.vy",
        "and block.timestamp >= slot * SLOT_SECONDS",
        "and block.timestamp > slot * SLOT_SECONDS + WINDOW",
    ),
    "orders fill at the price in force": Fault(
        "Exchange",
        "venues/Exchange.vy",
        "mark, volatility = staticcall ORACLE.slot_price(feed, slot)\n",
        "mark, volatility = staticcall ORACLE.slot_price(feed, slot)\n"
        "    if mark != 0:\n"
        "        mark = (staticcall ORACLE.latest(feed))[0]\n",
    ),
    "late orders keep their slot's price": Fault(
        "Exchange",
        "venues/Exchange.vy",
        "elif block.timestamp >= unsafe_add(opened, SLOT_SECONDS):",
        "elif block.timestamp == 0:",
    ),
    "orders are due in the slot that is open": Fault(
        "Exchange",
        "venues/Exchange.vy",
        "return block.timestamp // SLOT_SECONDS + 1",
        "return block.timestamp // SLOT_SECONDS",
    ),
    "premium is profit of the vault": Fault(
        "LiquidityVault",
        "vaults/book.vy",
        "equity -= quotes._potential_up(",
        "equity -= 0 * quotes._potential_up(",
    ),
    "an epoch takes any fresh price": Fault(
        "LiquidityVault",
        "vaults/book.vy",
        "errors._require(slot * SLOT_SECONDS >= close, errors.TOO_SOON)",
        "errors._require(slot != 0 or close != 0, errors.TOO_SOON)",
    ),
    "principal is not held to net": Fault(
        "ClearingHouse",
        "core/ledger.vy",
        "    if lost < 0:\n",
        "    if lost < 0 and asset != 0:\n",
    ),
    "borrowed tokens fill the outflow bucket": Fault(
        "ClearingHouse",
        "core/ledger.vy",
        "    self._refill(asset, word, held, 0)\n",
        "",
    ),
}


@contextmanager
def spoilt(fault: Fault) -> Iterator[None]:
    """Deployments inside hold the fault."""
    bad, good = _compiled(fault), artifacts.artifact

    def artifact(name: str) -> Artifact:
        return bad if name == fault.contract else good(name)

    with mock.patch.object(artifacts, "artifact", artifact):
        yield


def _compiled(fault: Fault) -> Artifact:
    """Kept under .build/ by the texts it came from: compiling takes seconds."""
    sources = sorted(CONTRACTS.rglob("*.vy*"))
    key = hashlib.sha256(repr(fault).encode())
    for path in sources:
        key.update(path.read_bytes())
    stored = CACHE / f"{key.hexdigest()}.json"
    if not stored.exists():
        result = asdict(_compile(fault))
        fields = {k: v.hex() if isinstance(v, bytes) else v for k, v in result.items()}
        CACHE.mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps(fields))
    fields = json.loads(stored.read_text())
    for name in ("bytecode", "runtime"):
        fields[name] = bytes.fromhex(fields[name])
    return Artifact(**fields)


def _compile(fault: Fault) -> Artifact:
    from vyper.compiler.input_bundle import FileInput

    with TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / "contracts"
        shutil.copytree(CONTRACTS, copy)
        spoilt_file = copy / fault.file
        text = spoilt_file.read_text()
        if text.count(fault.text) != 1:
            raise LookupError(f"{fault.file} holds {fault.text!r} {text.count(fault.text)} times")
        spoilt_file.write_text(text.replace(fault.text, fault.instead))
        [path] = copy.rglob(f"{fault.contract}.vy")
        return artifacts._build(path.stem, FileInput(-1, path, path, path.read_text()))[0]
