"""Give the second request with the same Idempotency-Key the first one's answer, and never its effect again.

Between: kernel.http.pipeline (claims before the handler, stores after it) and table idempotency_keys.

    claim ──► (new)         the handler runs; its answer is stored ──► replayed for KEPT_H hours
          ├─► (answered)    the stored answer is sent
          ├─► (running)     409 REQUEST_IN_PROGRESS
          ├─► (other body)  409 IDEMPOTENCY_KEY_REUSED
          └─► (lease over)  the first holder died: this request takes over, with the next fence

The answer is stored either in the handler's own transaction (`call.settle(tx, reply)`: effect and answer are one) or,
without that, after the handler (a crash in between repeats the effect once the lease is over).
Invariant: a holder that was overtaken cannot store its answer, and `settle` makes its transaction fail.
Which answers are kept: successes and final refusals. Not kept: 401, 403, 429 and 5xx (trying again may help): the
claim is given up; except when the attempt may have taken effect: then the lease runs out by itself.
Units: *_s seconds. A lease lasts as long as its request may (it is cancelled at its deadline), and SPARE_S more.
Errors: RequestInProgress, IdempotencyKeyReused, Invalid, Unavailable.
Source: domain.md 2.0 "Idempotency" (scope, 24 h); draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
from typing import Final

import msgspec

from audifi.kernel.connection import Connection, changed
from audifi.kernel.database import Database
from audifi.wire.problems import Conflict, IdempotencyKeyReused, Invalid, RequestInProgress

KEY_CHARS_MAX: Final = 64
SPARE_S: Final = 2.0  # for a rollback that was sent at the last moment
KEPT_H: Final = 24
_NOT_KEPT: Final = (401, 403, 429)

_CLAIM: Final = """
INSERT INTO idempotency_keys (scope, request_hash, lease_until)
VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (scope) DO UPDATE
   SET lease_until = excluded.lease_until, fence = idempotency_keys.fence + 1,
       request_hash = excluded.request_hash, status = NULL, reply = NULL, created_at = now()
 WHERE (idempotency_keys.status IS NULL AND idempotency_keys.lease_until < now()
        AND idempotency_keys.request_hash = excluded.request_hash)
    OR idempotency_keys.created_at < now() - make_interval(hours => $4)
RETURNING fence
"""
_FIND: Final = "SELECT request_hash, status, reply FROM idempotency_keys WHERE scope = $1"
_SETTLE: Final = """
UPDATE idempotency_keys SET status = $3, reply = $4, lease_until = NULL
 WHERE scope = $1 AND fence = $2 AND status IS NULL
"""
_GIVE_UP: Final = "DELETE FROM idempotency_keys WHERE scope = $1 AND fence = $2 AND status IS NULL"
# Index first, a bounded number of rows, none that another pod is deleting.
_PURGE: Final = """
DELETE FROM idempotency_keys WHERE scope IN (
    SELECT scope FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)
     ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""


class Stored(msgspec.Struct):
    """An answer to send again."""

    status: int
    reply: bytes


class Claim:
    """The right to perform one keyed request."""

    def __init__(self, scope: bytes, fence: int) -> None:
        self.scope = scope
        self.fence = fence
        self.is_settled = False

    async def settle(self, tx: Connection, status: int, reply: bytes) -> None:
        """Store the answer in the transaction of the effect; Conflict when another request took over."""
        if changed(await tx.execute(_SETTLE, self.scope, self.fence, status, reply)) != 1:
            raise Conflict("another request with this Idempotency-Key took over")
        self.is_settled = True


async def claim(database: Database, *, scope: bytes, request_hash: bytes, deadline_s: float) -> Claim | Stored:
    """Return the right to run until the request's deadline, or the answer already given."""
    lease_s = max(0.0, deadline_s) + SPARE_S
    async with database.transaction() as tx:
        fence = await tx.fetchval(_CLAIM, scope, request_hash, lease_s, KEPT_H)
        if fence is not None:
            return Claim(scope, int(fence))
        row = await tx.fetchrow(_FIND, scope)
    if row is None:
        raise RequestInProgress(retry_after_s=1)  # given up between the two statements
    if bytes(row["request_hash"]) != request_hash:
        raise IdempotencyKeyReused
    if row["status"] is None:
        raise RequestInProgress(retry_after_s=1)
    return Stored(int(row["status"]), bytes(row["reply"]))


async def finish(database: Database, held: Claim, *, status: int, reply: bytes) -> None:
    """Store the answer, or give the claim up when trying again may help."""
    if held.is_settled:
        return
    async with database.transaction() as tx:
        if status < 500 and status not in _NOT_KEPT:
            await held.settle(tx, status, reply)
        else:
            await tx.execute(_GIVE_UP, held.scope, held.fence)


async def purge(database: Database, *, rows_max: int = 1000) -> int:
    """Delete what is older than KEPT_H, the oldest `rows_max` at most; return how many."""
    async with database.transaction() as tx:
        return changed(await tx.execute(_PURGE, KEPT_H, rows_max))


def scope_of(*, user: str, method: str, path: str, key: str) -> bytes:
    """Return the primary key of a keyed request, or raise Invalid for a key that cannot be one."""
    if not 1 <= len(key) <= KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        raise Invalid(details={"Idempotency-Key": f"must be 1 to {KEY_CHARS_MAX} printable ASCII characters"})
    return hashlib.sha256(f"{user}\n{method}\n{path}\n{key}".encode()).digest()


def request_hash(body: bytes, query: bytes) -> bytes:
    return hashlib.sha256(query + b"\n" + body).digest()
