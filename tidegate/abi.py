"""ABI coding resolved once per contract: selectors, arguments, results, events.

The types are those Vyper has: integers, bool, address, bytesN, bytes, string, tuples (structs) and
arrays. Integers are checked against their width. Addresses come out checksummed, structs and event
arguments as records that answer to `record.field`, `record["field"]` and `record[0]`.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, is_dataclass
from functools import lru_cache
from typing import Any

from eth_utils import keccak, to_checksum_address

WORD = 32

# The value's bytes: in place for a static type, behind an offset for a dynamic one.
Encode = Callable[[Any], bytes]
# (data, start of the enclosing tuple's body, offset of the head) -> value
Decode = Callable[[bytes, int], Any]


@dataclass(frozen=True)
class Codec:
    """How one type is written and read. `size` is its place in a head, bytes."""

    size: int
    dynamic: bool
    encode: Encode
    decode: Decode


checksum = lru_cache(maxsize=4096)(to_checksum_address)


def _integer(bits: int, signed: bool) -> Codec:
    low = -(1 << bits - 1) if signed else 0
    high = (1 << bits - signed) - 1

    def encode(value: int) -> bytes:
        if not low <= value <= high:
            raise ValueError(f"{value} does not fit {'int' if signed else 'uint'}{bits}")
        return value.to_bytes(WORD, "big", signed=signed)

    def decode(data: bytes, at: int) -> int:
        return int.from_bytes(data[at : at + WORD], "big", signed=signed)

    return Codec(WORD, False, encode, decode)


def _fixed_bytes(length: int) -> Codec:
    def encode(value: bytes) -> bytes:
        if len(value) != length:
            raise ValueError(f"{len(value)} bytes for bytes{length}")
        return bytes(value).ljust(WORD, b"\0")

    return Codec(WORD, False, encode, lambda data, at: bytes(data[at : at + length]))


def _encode_address(value: str) -> bytes:
    body = bytes.fromhex(value[2:])
    if len(body) != 20:
        raise ValueError(f"{value} is no address")
    return body.rjust(WORD, b"\0")


_ADDRESS = Codec(
    WORD, False, _encode_address, lambda data, at: checksum("0x" + data[at + 12 : at + WORD].hex())
)
_BOOL = Codec(
    WORD,
    False,
    lambda value: int(bool(value)).to_bytes(WORD, "big"),
    lambda data, at: data[at + WORD - 1] != 0,
)


def _count(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def _read_count(data: bytes, at: int) -> int:
    if at + WORD > len(data):
        raise ValueError("data ends before its ABI type does")
    return int.from_bytes(data[at : at + WORD], "big")


def _encode_bytes(value: bytes) -> bytes:
    return _count(len(value)) + bytes(value) + b"\0" * (-len(value) % WORD)


def _decode_bytes(data: bytes, at: int) -> bytes:
    length = _read_count(data, at)
    return bytes(data[at + WORD : at + WORD + length])


_BYTES = Codec(WORD, True, _encode_bytes, _decode_bytes)
_STRING = Codec(
    WORD,
    True,
    lambda value: _encode_bytes(value.encode()),
    lambda data, at: _decode_bytes(data, at).decode("utf-8", "replace"),
)


def _join(codecs: Sequence[Codec], values: Sequence[Any]) -> bytes:
    """The ABI's heads and tails of a sequence of values."""
    heads, tails = [], []
    offset = sum(codec.size for codec in codecs)
    for codec, value in zip(codecs, values, strict=True):
        body = codec.encode(value)
        if codec.dynamic:
            heads.append(_count(offset))
            tails.append(body)
            offset += len(body)
        else:
            heads.append(body)
    return b"".join(heads + tails)


def _split(codecs: Sequence[Codec], data: bytes, start: int) -> list[Any]:
    values = []
    at = start
    for codec in codecs:
        if codec.dynamic:
            values.append(codec.decode(data, start + _read_count(data, at)))
        else:
            values.append(codec.decode(data, at))
        at += codec.size
    return values


def _array(item: Codec, length: int | None) -> Codec:
    """A list of `length` items, or of any number of them."""

    def encode(values: Sequence[Any]) -> bytes:
        if length is not None and len(values) != length:
            raise ValueError(f"{len(values)} items for an array of {length}")
        body = _join([item] * len(values), values)
        return body if length is not None else _count(len(values)) + body

    def decode(data: bytes, at: int) -> list[Any]:
        if length is not None:
            return _split([item] * length, data, at)
        found = _read_count(data, at)
        if found * item.size > len(data):
            raise ValueError("an array longer than its data")
        return _split([item] * found, data, at + WORD)

    if length is None or item.dynamic:
        return Codec(WORD, True, encode, decode)
    return Codec(item.size * length, False, encode, decode)


@lru_cache(maxsize=256)
def record_type(name: str, fields: tuple[str, ...]) -> type:
    """A namedtuple whose fields also answer to `record["field"]`."""
    base = namedtuple(name or "Record", fields, rename=True)

    def get(self: Any, key: Any) -> Any:
        if isinstance(key, str):
            return getattr(self, key)
        return tuple.__getitem__(self, key)

    return type(base.__name__, (base,), {"__slots__": (), "__getitem__": get})


def _tuple(entry: Mapping[str, Any]) -> Codec:
    components = entry["components"]
    codecs = [codec_of(component) for component in components]
    names = tuple(component["name"] for component in components)
    struct = entry.get("internalType", "").removeprefix("struct ").rsplit(".", 1)[-1]
    make = record_type(struct.strip("[]") or "Record", names) if all(names) else None
    dynamic = any(codec.dynamic for codec in codecs)
    size = WORD if dynamic else sum(codec.size for codec in codecs)

    def encode(value: Any) -> bytes:
        if isinstance(value, Mapping):
            value = [value[name] for name in names]
        elif is_dataclass(value) and not isinstance(value, type):
            value = astuple(value)
        return _join(codecs, value)

    def decode(data: bytes, at: int) -> Any:
        values = _split(codecs, data, at)
        return make(*values) if make else tuple(values)

    return Codec(size, dynamic, encode, decode)


def codec_of(entry: Mapping[str, Any]) -> Codec:
    """The codec of one parameter of an ABI."""
    kind: str = entry["type"]
    if kind.endswith("]"):
        inner, _, length = kind[:-1].rpartition("[")
        return _array(codec_of({**entry, "type": inner}), int(length) if length else None)
    if kind == "tuple":
        return _tuple(entry)
    if kind in _PLAIN:
        return _PLAIN[kind]
    for prefix, signed in (("uint", False), ("int", True)):
        if kind.startswith(prefix):
            return _integer(int(kind[len(prefix) :] or 256), signed)
    if kind.startswith("bytes"):
        return _fixed_bytes(int(kind[5:]))
    raise ValueError(f"no codec for the ABI type {kind}")


_PLAIN = {"address": _ADDRESS, "bool": _BOOL, "bytes": _BYTES, "string": _STRING}


def canonical(entry: Mapping[str, Any]) -> str:
    """A parameter's type as it stands in a signature."""
    kind: str = entry["type"]
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(map(canonical, entry["components"])) + ")" + kind[5:]


def signature(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']}({','.join(map(canonical, entry['inputs']))})"


class Function:
    """One function of a contract."""

    __slots__ = ("_ins", "_outs", "name", "selector", "signature", "view")

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.name: str = entry["name"]
        self.signature = signature(entry)
        self.selector = keccak(self.signature.encode())[:4]
        self.view = entry["stateMutability"] in ("view", "pure")
        self._ins = [codec_of(item) for item in entry["inputs"]]
        self._outs = [codec_of(item) for item in entry["outputs"]]

    def encode(self, args: Sequence[Any]) -> bytes:
        if len(args) != len(self._ins):
            raise TypeError(f"{self.signature}: {len(args)} arguments")
        return self.selector + _join(self._ins, args)

    def decode(self, data: bytes) -> Any:
        """The result: None, the one value, or a tuple of them."""
        outs = self._outs
        if not outs:
            return None
        if len(data) < sum(codec.size for codec in outs):
            raise ValueError(f"{self.signature}: {len(data)} bytes returned")
        if len(outs) == 1 and not outs[0].dynamic:
            return outs[0].decode(data, 0)
        values = _split(outs, data, 0)
        return values[0] if len(values) == 1 else tuple(values)


@dataclass(frozen=True)
class Event:
    """A decoded log. `contract` is the name of the contract that wrote it."""

    contract: str
    address: str
    name: str
    args: Any  # a record: event.args.account, event.args["account"]


class _EventCodec:
    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.name: str = entry["name"]
        self.topic = keccak(signature(entry).encode())
        inputs = entry["inputs"]
        self._record = record_type(self.name, tuple(item["name"] for item in inputs))
        # An indexed argument of dynamic type is its hash.
        self._topics = [
            codec if not (codec := codec_of(item)).dynamic else _fixed_bytes(WORD)
            for item in inputs
            if item["indexed"]
        ]
        self._body = [codec_of(item) for item in inputs if not item["indexed"]]
        self._indexed = [item["indexed"] for item in inputs]

    def decode(self, topics: Sequence[bytes], data: bytes) -> Any:
        from_topics = iter(
            [codec.decode(topic, 0) for codec, topic in zip(self._topics, topics[1:], strict=True)]
        )
        from_body = iter(_split(self._body, data, 0))
        values = [next(from_topics if indexed else from_body) for indexed in self._indexed]
        return self._record(*values)


class Abi:
    """Everything needed to talk to one contract."""

    def __init__(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self.entries = entries
        self.functions: dict[str, Function] = {}
        self._events: dict[bytes, _EventCodec] = {}
        self._constructor: list[Codec] = []
        for entry in entries:
            if entry["type"] == "function":
                function = Function(entry)
                # Default arguments make several functions of one name; calls choose by signature.
                self.functions.setdefault(function.name, function)
                self.functions[function.signature] = function
            elif entry["type"] == "event":
                event = _EventCodec(entry)
                self._events[event.topic] = event
            elif entry["type"] == "constructor":
                self._constructor = [codec_of(item) for item in entry["inputs"]]

    def encode_constructor(self, args: Sequence[Any]) -> bytes:
        if len(args) != len(self._constructor):
            raise TypeError(f"constructor of {self.name}: {len(args)} arguments")
        return _join(self._constructor, args)

    def decode_event(self, address: str, topics: Sequence[bytes], data: bytes) -> Event | None:
        """The event, or None if the contract's ABI has no such one."""
        codec = self._events.get(bytes(topics[0])) if topics else None
        if codec is None:
            return None
        return Event(self.name, address, codec.name, codec.decode(topics, data))
