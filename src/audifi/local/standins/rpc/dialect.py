"""Say no in the words of each provider: their paths, statuses, bodies.

Between: gate (knows when) and whoever reads the answers.
Shape: a Dialect is data; `refusals` are JSON-RPC error objects, put into one answer per call.
Invariant: statuses, codes and texts are those that the real providers send, as far as a source shows them. Not shown
by any: the code around Alchemy's 401 text, and the `details` beside Infura's -33200.
Errors: none.
Source: Infura https://docs.metamask.io/services/how-to/avoid-rate-limiting (402 with event -33000, 429 with -33200);
-32005 with data.rate: https://github.com/INFURA/infura/issues/201; 401 "invalid project id":
https://github.com/graphprotocol/indexer/issues/145. Alchemy: 429 https://github.com/conduitxyz/node/issues/36; monthly
capacity, 403: https://github.com/xmtp/xmtpd/issues/672, inside 200: https://github.com/a16z/zkdocs/issues/9;
unsupported method: https://github.com/alchemyplatform/alchemy-web3/issues/29; 401 "Must be authenticated!":
https://docs.alchemyapi.io/docs/error-reference (an older page, without the JSON-RPC frame).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from audifi.local.standins.rpc.calls import Asked, failed
from audifi.local.standins.rpc.faults import type_of_rate_limit
from audifi.local.standins.rpc.server import Reply

Error = dict[str, Any]
THROUGHPUT: Final = (
    "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore "
    "this message. If not, check out https://docs.alchemy.com/reference/throughput"
)
CAPACITY: Final = (
    "Monthly capacity limit exceeded. Visit https://dashboard.alchemyapi.io/settings/billing to upgrade your scaling "
    "policy for continued service."
)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One provider's manner of speaking."""

    version: str  # the path is /{network}/{version}/{key}
    unauthorized: Error | None  # None: answered with text
    unauthorized_text: bytes = b""
    unauthorized_headers: tuple[tuple[bytes, bytes], ...] = ()
    throttled: Error
    quota: Error
    quota_status: int
    quota_inside: Error  # inside a success
    unsupported: str  # with {method}
    limit_text: str


ALCHEMY: Final = Dialect(
    version="v2",
    unauthorized={"code": -32600, "message": "Must be authenticated!"},
    throttled={"code": 429, "message": THROUGHPUT},
    quota={"code": -32600, "message": CAPACITY},
    quota_status=403,
    quota_inside={"code": -32000, "message": CAPACITY},
    unsupported="Unsupported method: {method}. See available methods at https://docs.alchemy.com/alchemy/documentation/apis",
    limit_text=THROUGHPUT,
)
INFURA: Final = Dialect(
    version="v3",
    unauthorized=None,
    unauthorized_text=b"invalid project id\n",
    unauthorized_headers=((b"www-authenticate", b'Basic realm="Auth failure, invalid project id"'),),
    throttled={
        "code": 429,
        "event": -33200,
        "message": "Too Many Requests",
        "details": "You have surpassed your allowed throughput limit. Reduce the amount of requests per second or "
        "upgrade for more capacity.",
    },
    quota={
        "code": 402,
        "event": -33000,
        "message": "Payment Required",
        "details": "You have reached your daily credit limit. To continue making requests, upgrade your plan or "
        "purchase additional credits",
    },
    quota_status=402,
    quota_inside={"code": -32005, "message": "daily request count exceeded, request rate limited"},
    unsupported="The method {method} does not exist/is not available",
    limit_text="project ID request rate exceeded",
)
DIALECTS: Final[Mapping[str, Dialect]] = {"alchemy": ALCHEMY, "infura": INFURA}


def each(asked: Asked, status: int, error: Error, *headers: tuple[bytes, bytes]) -> Reply:
    """Every call answered with the same error."""
    return Reply(status, asked.joined([failed(call, error) for call in asked.calls]), headers=headers)


def unauthorized(dialect: Dialect, asked: Asked) -> Reply:
    """The key is not known."""
    if dialect.unauthorized is not None:
        return each(asked, 401, dialect.unauthorized)
    return Reply(401, dialect.unauthorized_text, b"text/plain; charset=utf-8", dialect.unauthorized_headers)


def rate_limited(dialect: Dialect, asked: Asked, kind: type_of_rate_limit, retry_after_s: int) -> Reply:
    """Too many requests, in one of the forms that providers use."""
    match kind:
        case "json":
            return each(asked, 200, dialect.throttled)
        case "json-backoff":
            rate = {"allowed_rps": 1, "backoff_seconds": retry_after_s, "current_rps": 1.27}
            data = {"rate": rate, "see": "https://infura.io/dashboard"}
            return each(asked, 200, {"code": -32005, "message": dialect.limit_text, "data": data})
        case "http":
            return each(asked, 429, dialect.throttled)
        case "http-retry-after" | "":
            return each(asked, 429, dialect.throttled, (b"retry-after", b"%d" % retry_after_s))


def out_of_quota(dialect: Dialect, asked: Asked, *, inside: bool) -> Reply:
    """The allowance is spent."""
    return each(asked, 200, dialect.quota_inside) if inside else each(asked, dialect.quota_status, dialect.quota)


def unsupported(dialect: Dialect, method: str) -> Error:
    """It does not have this method."""
    return {"code": -32601, "message": dialect.unsupported.format(method=method)}


def broken(asked: Asked, status: int) -> Reply:
    """Something of its own broke: a proxy's page, or a JSON-RPC error inside a success."""
    if status == 200:
        return each(asked, 200, {"code": -32603, "message": "Internal error"})
    return page(status)


def page(status: int) -> Reply:
    """What a proxy in front of it shows when it has nothing better."""
    text = f"<html><head><title>{status}</title></head>\r\n<body><center><h1>{status}</h1></center></body></html>\r\n"
    return Reply(status, text.encode(), b"text/html")
