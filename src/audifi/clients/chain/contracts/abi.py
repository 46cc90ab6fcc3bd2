"""Encode calls to our contracts and decode what they answer, from the ABI the compiler wrote.

Between: surface and events (typed), contracts/compiled (build.mjs writes it), eth-abi.
Shape: functions by name (by full signature where a name is overloaded), events by first topic, errors by selector.
Units: as the contract's; numbers are int, addresses and hashes 0x-hex lower case, structs tuples.
Invariant: nothing is known of a contract that its committed ABI does not say.
Errors: Undecodable when an answer or a log does not fit the ABI (another contract lives at that address);
KeyError for a name the contract does not have: a bug of the caller.
Source: docs.soliditylang.org/en/v0.8.37/abi-spec.html (selectors, tuples, topics, custom errors, Error and Panic).
"""

import functools
import importlib.resources
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from audifi.wire.problems import BlockchainError

SELECTOR_BYTES: Final = 4
WORD_BYTES: Final = 32
ADDRESS_BYTES: Final = 20
# Every contract may fail with these two: `require(…, "text")`, and a bug such as an overflow (Panic).
BUILT_IN: Final = (
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)


class Undecodable(BlockchainError):
    """The answer does not fit the contract's ABI: is it the right contract, on the right chain?"""


@dataclass(frozen=True)
class Shape:
    """A function, event or error: what goes in and what comes out."""

    name: str
    signature: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    outputs: tuple[str, ...]
    is_indexed: tuple[bool, ...]

    @functools.cached_property
    def hash(self) -> bytes:
        return keccak(text=self.signature)

    @property
    def selector(self) -> bytes:
        return self.hash[:SELECTOR_BYTES]


class Artifact(msgspec.Struct, rename="camel"):
    """The part of contracts/compiled/<Name>.json that calls and deployments need."""

    contract: str
    compiler: str
    abi: list[dict[str, Any]]
    bytecode: str
    runtime_bytecode: str
    immutable_references: dict[str, list[dict[str, int]]]


class Interface:
    """One contract's ABI."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        shapes = [(entry["type"], _shape(entry)) for entry in [*artifact.abi, *BUILT_IN] if "inputs" in entry]
        functions = [shape for kind, shape in shapes if kind == "function"]
        names = [shape.name for shape in functions]
        self._functions = {
            shape.name if names.count(shape.name) == 1 else shape.signature: shape for shape in functions
        }
        self._events = {shape.hash: shape for kind, shape in shapes if kind == "event"}
        self._errors = {shape.selector: shape for kind, shape in shapes if kind == "error"}
        self._constructor = next((shape.types for kind, shape in shapes if kind == "constructor"), ())

    def deploy(self, *arguments: object) -> bytes:
        """Return the data of the transaction that creates the contract."""
        return bytes.fromhex(self.artifact.bytecode.removeprefix("0x")) + encode(self._constructor, arguments)

    def call(self, name: str, *arguments: object) -> bytes:
        """Return the data of a call."""
        shape = self._functions[name]
        return shape.selector + encode(shape.types, arguments)

    def result(self, name: str, data: str) -> Any:
        """Return what a call answered: the value itself when there is one, else a tuple."""
        values = _decoded(self._functions[name].outputs, bytes.fromhex(data.removeprefix("0x")), name)
        return values[0] if len(values) == 1 else values

    def event(self, topics: Sequence[str], data: str) -> tuple[str, Mapping[str, Any]] | None:
        """Return (name, values) of a log, or None when the ABI does not have its first topic."""
        found = [bytes.fromhex(topic.removeprefix("0x")) for topic in topics]
        shape = self._events.get(found[0]) if found else None
        # The same first topic with another number of indexed parameters: ERC-20's Transfer and ERC-721's.
        if shape is None or len(found) - 1 != sum(shape.is_indexed):
            return None
        parameters = list(zip(shape.types, shape.is_indexed, strict=True))
        loose = iter(_decoded([kind for kind, indexed in parameters if not indexed], _bytes(data), shape.name))
        indexed = iter(
            _decoded([kind], topic, shape.name)[0]
            for kind, topic in zip([kind for kind, is_indexed in parameters if is_indexed], found[1:], strict=True)
        )
        values = [next(indexed if is_indexed else loose) for is_indexed in shape.is_indexed]
        return shape.name, dict(zip(shape.names, values, strict=True))

    def error(self, data: str) -> str | None:
        """Say why a call was reverted, as `SoldOut(wanted=3, left=2)`; None when this contract gave no reason."""
        shape = self._errors.get(_bytes(data)[:SELECTOR_BYTES])
        if shape is None:
            return None
        values = _decoded(shape.types, _bytes(data)[SELECTOR_BYTES:], shape.name)
        return f"{shape.name}({', '.join(f'{name}={value}' for name, value in zip(shape.names, values, strict=True))})"

    def is_runtime(self, code: str) -> bool:
        """Whether this is the code our compiler made, whatever values the constructor wrote into its immutables."""
        ours, theirs = bytearray(_bytes(self.artifact.runtime_bytecode)), bytearray(_bytes(code))
        if len(ours) != len(theirs):
            return False
        for place in (each for places in self.artifact.immutable_references.values() for each in places):
            theirs[place["start"] : place["start"] + place["length"]] = bytes(place["length"])
        return ours == theirs

    def topic(self, name: str) -> str:
        """Return the first topic of an event, to ask a node for its logs."""
        return next("0x" + topic.hex() for topic, shape in self._events.items() if shape.name == name)


@functools.cache
def interface(contract: str) -> Interface:
    """Return the committed ABI of one of our contracts: Master, Dividend, Market, Coin, Staking, Pool."""
    file = importlib.resources.files("audifi.clients.chain.contracts").joinpath("compiled", f"{contract}.json")
    return Interface(msgspec.json.decode(file.read_bytes(), type=Artifact))


def _shape(entry: Mapping[str, Any]) -> Shape:
    inputs = cast("list[dict[str, Any]]", entry["inputs"])
    types = tuple(_type(each) for each in inputs)
    name = str(entry.get("name", ""))
    return Shape(
        name=name,
        signature=f"{name}({','.join(types)})",
        names=tuple(str(each["name"]) for each in inputs),
        types=types,
        outputs=tuple(_type(each) for each in entry.get("outputs", ())),
        is_indexed=tuple(bool(each.get("indexed")) for each in inputs),
    )


def _type(parameter: Mapping[str, Any]) -> str:
    """Return the canonical type: {"type": "tuple[]", "components": [uint256, address]} is (uint256,address)[]."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(each) for each in parameter['components'])}){kind.removeprefix('tuple')}"


def _decoded(types: Sequence[str], data: bytes, name: str) -> tuple[Any, ...]:
    if len(data) == WORD_BYTES * len(types) and _WORDS.keys() >= set(types):
        words = (data[at : at + WORD_BYTES] for at in range(0, len(data), WORD_BYTES))
        values = tuple(_WORDS[kind](word) for kind, word in zip(types, words, strict=True))
        if None not in values:
            return values
    try:
        return tuple(_plain(value) for value in decode(types, data))
    except (DecodingError, UnicodeDecodeError) as error:
        raise Undecodable(f"{name}: {len(data)} bytes are not ({', '.join(types)})") from error


def _address(word: bytes) -> str | None:
    return None if any(word[: WORD_BYTES - ADDRESS_BYTES]) else "0x" + word[-ADDRESS_BYTES:].hex()


# What nearly every log of ours is made of, read past eth-abi: an indexer reads a hundred thousand.
# None: not what it should be, and eth-abi says why.
_WORDS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "address": _address,
    "uint256": int.from_bytes,
    "bytes32": lambda word: "0x" + word.hex(),
}


def _plain(value: Any) -> Any:
    """Bytes become 0x-hex; eth-abi's addresses are lower case already."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return tuple(_plain(each) for each in cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def _bytes(data: str) -> bytes:
    return bytes.fromhex(data.removeprefix("0x"))
