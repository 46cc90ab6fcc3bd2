"""Read JSON-RPC requests as far as a provider must: which methods, which ids; the rest stays bytes.

Between: gate and view (decide by method, answer by id) and the bytes of a request.
Shape: `{"jsonrpc":"2.0","id":7,"method":"eth_call","params":[{…},"latest"]}` or an array of those.
Invariant: an id goes back exactly as it came (JSON-RPC 2.0 section 5), whatever type it has.
Errors: ValueError with the provider's words for what is no JSON-RPC.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

NULL: Final = msgspec.Raw(b"null")


class Call(msgspec.Struct):
    """One call."""

    method: str = ""
    id: msgspec.Raw = NULL
    params: msgspec.Raw = msgspec.Raw(b"[]")
    jsonrpc: str = "2.0"

    def arguments(self) -> list[Any]:
        """The parameters; by name (an object) is not Ethereum's way and counts as none."""
        found: Any = msgspec.json.decode(self.params)
        return cast("list[Any]", found) if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Asked:
    """What one HTTP request asks."""

    calls: tuple[Call, ...]
    is_batch: bool

    def joined(self, answers: list[bytes]) -> bytes:
        """The body that carries these answers."""
        return b"[" + b",".join(answers) + b"]" if self.is_batch else answers[0]


_one: Final = msgspec.json.Decoder(Call)
_many: Final = msgspec.json.Decoder(tuple[Call, ...])


def parsed(body: bytes) -> Asked:
    """What the body asks."""
    is_batch = body.lstrip()[:1] == b"["
    try:
        calls = _many.decode(body) if is_batch else (_one.decode(body),)
    except msgspec.DecodeError as error:
        raise ValueError(f"Parse error: {error}") from error
    if not calls:
        raise ValueError("Invalid Request: an empty batch")
    return Asked(calls, is_batch)


def failed(call: Call, error: dict[str, Any]) -> bytes:
    """One call answered with an error."""
    return b'{"jsonrpc":"2.0","id":%s,"error":%s}' % (bytes(call.id), msgspec.json.encode(error))


def answered(call: Call, result: Any) -> bytes:
    """One call answered with a result."""
    return b'{"jsonrpc":"2.0","id":%s,"result":%s}' % (bytes(call.id), msgspec.json.encode(result))
