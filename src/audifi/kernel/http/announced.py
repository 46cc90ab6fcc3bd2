"""Say which problems an operation may answer with, from its row alone.

Between: kernel.http.pipeline (refuses to send another status) and kernel.http.openapi (documents them).
Invariant: both read this one function, so the document cannot be wrong about a status.
Errors: none.
"""

from collections.abc import Sequence

from audifi.kernel.http.operation import Access, Operation, StepUp
from audifi.kernel.limits import Limit
from audifi.wire import problems
from audifi.wire.problems import Problem


def announced(operation: Operation, limits: Sequence[Limit] = ()) -> tuple[type[Problem], ...]:
    """Return every problem class the operation may answer with, in order of status and code."""
    found: set[type[Problem]] = {problems.Unavailable, problems.UpstreamTimedOut, *operation.errors}
    found |= _of_input(operation) | _of_access(operation)
    if limits or operation.limits:
        found.add(problems.RateLimited)
    if operation.idempotent:
        found |= {problems.Invalid, problems.IdempotencyKeyReused, problems.RequestInProgress, problems.Conflict}
    return tuple(sorted(found, key=lambda each: (each.status, each.code)))


def statuses(operation: Operation, limits: Sequence[Limit] = ()) -> frozenset[int]:
    return frozenset(
        {operation.status, *operation.other_statuses, *(each.status for each in announced(operation, limits))}
    )


def _of_input(operation: Operation) -> set[type[Problem]]:
    found: set[type[Problem]] = set()
    if operation.body is not None or operation.streamed is not None:
        found |= {problems.Invalid, problems.PayloadTooLarge, problems.UnsupportedMediaType}
    if operation.raw_body:
        found.add(problems.PayloadTooLarge)
    if operation.query is not None or "{" in operation.path:
        found.add(problems.Invalid)
    return found


def _of_access(operation: Operation) -> set[type[Problem]]:
    found: set[type[Problem]] = set()
    if operation.access is not Access.GUEST:
        found.add(problems.Unauthorized)
    if operation.access in (Access.ARTIST, Access.PRODUCER, Access.ADMIN):
        found.add(problems.Forbidden)
    if operation.access is Access.ADMIN or operation.step_up is not StepUp.NO:
        found.add(problems.MfaRequired)
    return found
