"""What a revert means: selectors back to the names of contracts/libraries/errors.vy."""

import re
from functools import cache
from pathlib import Path

from eth_utils import keccak

ERRORS_FILE = Path(__file__).resolve().parents[2] / "contracts" / "libraries" / "errors.vy"
_DECLARATION = re.compile(r"^([A-Z_]+): constant\(uint256\) = [0-9_]+ ", re.MULTILINE)
_ERROR_STRING = keccak(b"Error(string)")[:4]
UNKNOWN = "Unknown"


class ProtocolError(Exception):
    """A call that the contracts refused.

    `name` is the error's name in errors.vy ("NotOwner"), a reason string of a contract that is not
    ours (the token, the timelock), or "Unknown" with the bytes in `data`. A bare revert (checked
    arithmetic, a failed conversion, an unknown function) has no data.
    """

    def __init__(self, name: str, data: bytes = b"", call: str = "") -> None:
        super().__init__(name, data, call)
        self.name = name
        self.data = data
        self.call = call

    def __str__(self) -> str:
        text = self.name
        if self.name == UNKNOWN:
            text = (
                f"reverted with 0x{self.data.hex()}" if self.data else "reverted without a reason"
            )
        return f"{self.call}: {text}" if self.call else text


@cache
def names() -> dict[bytes, str]:
    """Selector -> name, read from the one home of the errors."""
    found = _DECLARATION.findall(ERRORS_FILE.read_text())
    camel = ("".join(word.capitalize() for word in constant.split("_")) for constant in found)
    return {selector(name): name for name in camel}


def selector(name: str) -> bytes:
    """The four bytes that stand for an error, e.g. of "NotOwner"."""
    return keccak(f"{name}()".encode())[:4]


def name_of(data: bytes) -> str:
    """The name behind revert data; the reason for Error(string); else "Unknown"."""
    if data[:4] == _ERROR_STRING and len(data) >= 68:
        length = int.from_bytes(data[36:68], "big")
        return data[68 : 68 + length].decode("utf-8", "replace")
    return names().get(bytes(data[:4]), UNKNOWN)


def encode_reason(reason: str) -> bytes:
    """Revert data of Error(string)."""
    text = reason.encode()
    size = len(text).to_bytes(32, "big")
    return _ERROR_STRING + (32).to_bytes(32, "big") + size + text + b"\0" * (-len(text) % 32)


def from_revert(data: bytes, call: str = "") -> ProtocolError:
    """The exception for revert data of the call described by `call`."""
    return ProtocolError(name_of(data), bytes(data), call)
