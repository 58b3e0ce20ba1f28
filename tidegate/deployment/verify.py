"""Whether what is deployed is what these sources compile to, byte for byte, without an explorer.

Each creation of the manifest is carried out again in process, at the same address, with the same
arguments: the runtime code that comes out holds the immutables too. It is held against the hash in
the manifest and, with a chain at hand, against the code there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate import artifacts
from tidegate.abi import checksum
from tidegate.chain import Call, Chain
from tidegate.deployment.config import TOKEN, DeploymentError
from tidegate.deployment.deployed import hash_of
from tidegate.deployment.rehearsal import LOCAL, embedded


@dataclass(frozen=True)
class Finding:
    """One contract compared."""

    name: str
    address: str
    same: bool
    text: str


def verify(manifest: Mapping[str, Any], chain: Chain | None = None) -> list[Finding]:
    """Every contract of the manifest against the sources, and against the chain if there is one."""
    expected = recompute(manifest)
    findings = []
    for name, entry in manifest["contracts"].items():
        address, wanted = entry["address"], expected.get(name)
        if wanted is None:
            findings.append(Finding(name, address, True, "not deployed by this project, skipped"))
            continue
        runtime = len(artifacts.artifact(entry["source"]).runtime)
        text = _difference(wanted, entry["code_hash"], chain and chain.code(address), runtime)
        findings.append(Finding(name, address, not text, text or f"{len(wanted):,} bytes"))
    return findings


def recompute(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Runtime code by contract, of the sources as they are now."""
    chain = embedded(manifest["chain_id"])
    sender = manifest["deployer"]
    steps, codes = manifest["steps"], {}
    for name, entry in manifest["contracts"].items():
        step = steps.get(f"create-{name}")
        if step is None:
            token = manifest["config"]["token"]
            arguments = (token["name"], token["symbol"], token["decimals"])
            scratch = embedded(LOCAL)
            made = scratch.deploy(artifacts.artifact(TOKEN), *arguments)
            chain.set_code(entry["address"], scratch.code(made.address))
            continue
        if "nonce" not in step:
            raise DeploymentError(f"the manifest has no nonce of {name}: it was edited; restore it")
        artifact = artifacts.artifact(entry["source"])
        data = artifact.bytecode + encoded_arguments(entry)
        chain.set_nonce(sender, step["nonce"])
        sealed = chain.seal(Call("", data, sender, what=name), step["nonce"])
        chain.publish(sealed)
        receipt = chain.outcome(sealed.tx_hash)
        address = checksum(entry["address"])
        if receipt.address != address:
            raise DeploymentError(
                f"{name}: {sender} with nonce {step['nonce']} makes {receipt.address}, the "
                f"manifest says {address}: it was edited; restore it"
            )
        codes[name] = chain.code(address)
    return codes


def encoded_arguments(entry: Mapping[str, Any]) -> bytes:
    """The constructor's arguments of a contract of the manifest, ABI-encoded."""
    artifact = artifacts.artifact(entry["source"])
    constructors = [item for item in artifact.entries if item["type"] == "constructor"]
    inputs = constructors[0]["inputs"] if constructors else []
    args = [
        int(value) if item["type"].startswith(("uint", "int")) else value
        for item, value in zip(inputs, entry["args"], strict=True)
    ]
    return artifact.abi.encode_constructor(args)


def _difference(wanted: bytes, recorded: str, there: bytes | None, runtime: int) -> str:
    """What differs; empty if nothing does. `runtime` is where the immutables begin."""
    if there is not None and there != wanted:
        if not there:
            return "no code on the chain"
        if len(there) != len(wanted):
            return f"{len(there):,} bytes on the chain, {len(wanted):,} from the sources"
        at = next(i for i, pair in enumerate(zip(there, wanted, strict=True)) if pair[0] != pair[1])
        part = "code" if at < runtime else "immutables"
        return f"byte {at:,} on the chain differs from the sources, in the {part}"
    if hash_of(wanted) != recorded:
        return f"the manifest's code hash is {recorded}, that of the sources {hash_of(wanted)}"
    return ""


def write_inputs(manifest: Mapping[str, Any], folder: Path) -> list[Path]:
    """For explorers: <Name>.json, standard JSON input, and <Name>.args, constructor arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, entry in manifest["contracts"].items():
        if f"create-{name}" not in manifest["steps"]:
            continue
        path = folder / f"{name}.json"
        path.write_text(json.dumps(artifacts.standard_json(entry["source"]), indent=1) + "\n")
        (folder / f"{name}.args").write_text(encoded_arguments(entry).hex() + "\n")
        written.append(path)
    return written
