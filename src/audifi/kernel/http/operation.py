"""Say what a route is: one row that the server, the validation, the OpenAPI document and the tests all read.

Between: services' `routes.py` (lists Operations) and kernel.http.application / kernel.http.openapi (interpret them).

    async def rename(call: Call[Deps], body: RenameBody) -> ProfileReply: ...
    Operation("PUT", "/user/profile", rename, summary="Change the profile", tag="user",
              access=Access.USER, body=RenameBody, reply=ProfileReply, errors=(UserNotFound,))

A handler takes `call`, then `body` if the operation has one (bytes with `raw_body`), then `query` if it has one, in
that order.
It returns a Reply (or any value msgspec encodes), a `Page` for lists, None for 204, or raises a Problem that
`errors` lists. JSON is camelCase, Python snake_case.
Invariant: an answer that the row does not announce cannot leave the server, except 500 (a bug).
Errors: a row that contradicts itself fails at import, by assert.
Source: domain.md 2.0 (envelope, pagination, errors), 4 (step-up), 5.5 (limits).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from audifi.kernel.limits import Limit
from audifi.wire.problems import Problem

BODY_BYTES_MAX = 1024 * 1024  # per operation unless it says otherwise; the edge stops 10 MB anyway (domain.md 5.4)

Handler = Callable[..., Awaitable[Any]]
T = TypeVar("T")


class Body(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What a request carries (as JSON body, query string or path): unknown fields are refused."""


class Reply(msgspec.Struct, rename="camel"):
    """What a response carries."""


# A moment in a reply: made by kernel.clock.iso, because msgspec would write microseconds.
Timestamp = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class Paging(Body, kw_only=True):
    """The query of a list; subclass it to add filters and a `sort` (domain.md 2.0)."""

    page: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, sent as {"data": [...], "pagination": {...}}: `reply` is the item's type, `listed=True`."""

    items: Sequence[T]
    total: int
    paging: Paging


@dataclass(frozen=True)
class Streamed:
    """A body that the handler reads itself, piece by piece, from `call.stream`: never in memory as a whole."""

    media_type: str  # "multipart/form-data"
    files: tuple[str, ...]  # names of the form's files, for the OpenAPI document


class Access(Enum):
    """Who may call. ADMIN also demands a completed second factor; SERVICE an internal token of a declared caller."""

    GUEST = "guest"  # anyone; a token is not even looked at
    OPTIONAL = "optional"  # anyone; a token, if sent, must be valid and fills call.principal
    USER = "user"
    ARTIST = "artist"
    PRODUCER = "producer"
    ADMIN = "admin"
    SERVICE = "service"


class StepUp(Enum):
    """Whether the second factor must have been used in this session."""

    NO = "no"
    IF_ENROLLED = "if-enrolled"  # an account without a factor passes
    ALWAYS = "always"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one path."""

    method: str
    path: str  # "/user/wallet/{address}": each parameter arrives in call.path
    handler: Handler
    summary: str
    tag: str
    access: Access
    body: type[msgspec.Struct] | None = None
    streamed: Streamed | None = None  # instead of `body`; at most body_bytes_max, and without Idempotency-Key
    raw_body: bool = False  # the handler is given the body's bytes as they came: a signature covers them
    query: type[msgspec.Struct] | None = None
    parameters: type[msgspec.Struct] | None = None  # types of the path parameters; a mismatch is 400, call.parameters
    reply: Any = None  # type of the data; None with status 204
    listed: bool = False  # the handler returns a Page of `reply`
    sends: str | None = None  # media type of a body the handler returns as AsyncIterator[bytes]: too large to hold
    status: int = 200
    other_statuses: tuple[int, ...] = ()  # the same reply may leave with: a handler sets call.reply_status
    errors: tuple[type[Problem], ...] = ()
    limits: tuple[Limit, ...] = ()
    unlimited: bool = False  # not even the limits that hold everywhere: a webhook is admitted by its signature
    step_up: StepUp = StepUp.NO
    envelope: bool = True  # False: the reply is sent bare (token endpoints, JWKS)
    idempotent: bool = False  # honours Idempotency-Key
    idempotency_required: bool = False
    body_bytes_max: int = BODY_BYTES_MAX
    cache_control: str = "no-store"
    example: Any = field(default=None)  # of the body, for the OpenAPI document; checked against `body` by a test
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse rows that contradict themselves."""
        assert self.path.startswith("/"), f"{self.path}: a path starts with /"
        assert self.method in ("GET", "POST", "PUT", "PATCH", "DELETE"), f"{self.method} {self.path}: unknown method"
        assert (self.reply is None) == (self.status == 204), (
            f"{self.method} {self.path}: 204 and reply=None go together"
        )
        has_body = self.body is not None or self.streamed is not None
        assert not has_body or self.method != "GET", f"GET {self.path}: a GET has no body"
        assert self.streamed is None or (self.body is None and not self.idempotent), (
            f"{self.path}: what is streamed is neither decoded nor hashed for an Idempotency-Key"
        )
        assert self.body is None or not self.raw_body, f"{self.path}: a body is decoded or raw, not both"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"
