"""Lead one request through its operation, step by step.

Between: kernel.http.application (finds the operation) and the handler.

    read body ─ identify (signature) ─ decode ─ count limits ─ permit (session, role, factor) ─ claim key ─ handler
    ─ encode ─ store under key

What was wrong is held back until the limits are counted, so that guessing tokens or sending garbage is not free.
Invariant: the status that leaves is one the operation announces, or 500.
Errors: none leave; `frame` turns whatever is raised into an answer.
Source: domain.md 2.0, 4, 5.5.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from audifi.kernel import idempotency
from audifi.kernel.http import admit, decode, encode
from audifi.kernel.http.address import limited_as
from audifi.kernel.http.announced import statuses
from audifi.kernel.http.call import Call
from audifi.kernel.http.kernel import Kernel
from audifi.kernel.http.operation import Access, Operation
from audifi.kernel.limits import Counted, Exceeded, Limit, Limiter, Per, Standing
from audifi.kernel.problems import envelope
from audifi.wire import headers
from audifi.wire.problems import Invalid, PayloadTooLarge, Problem, Refusal, RequestInProgress, Unavailable

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Answer = tuple[int, bytes]
_REPLAYED: Final = "Idempotency-Replayed"


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


class Pipeline:
    """One operation, bound to what it needs."""

    def __init__(self, operation: Operation, kernel: Kernel, limiter: Limiter) -> None:
        self.operation = operation
        self.statuses = statuses(operation, kernel.limits)
        self._kernel = kernel
        self._limiter = limiter
        # Our own services are not counted: all calls of a pod come from one address, and its user was counted before.
        everywhere = () if operation.access is Access.SERVICE or operation.unlimited else kernel.limits
        self._limits = (*everywhere, *operation.limits)
        self._decoder = msgspec.json.Decoder(operation.body) if operation.body is not None else None

    async def answer(self, call: Call[Any], receive: Receive) -> Answer:
        """Return status and body, or raise a Problem."""
        operation, held_back = self.operation, None
        arguments: list[Any] = []
        data = b""
        try:
            await self._identify(call)
            if self._decoder is not None or operation.raw_body:
                data = await read_body(call, receive, operation.body_bytes_max)
            if operation.streamed is not None:
                call.received = received(call, receive, operation.streamed.media_type, operation.body_bytes_max)
            self._decode(call, data, arguments)
        except Refusal as refusal:
            held_back = refusal
        returned: list[Counted] = []
        if self._limits:
            returned = await self._count(call, arguments[0] if arguments and operation.body is not None else None)
        if held_back is not None:
            raise held_back
        try:
            given = await self._permitted(call, data, arguments)
        except (Unavailable, RequestInProgress):
            await self._limiter.give_back(returned)
            raise
        if _REPLAYED in call.reply_headers:
            await self._limiter.give_back(returned)
        return given

    async def _permitted(self, call: Call[Any], data: bytes, arguments: list[Any]) -> Answer:
        operation, kernel = self.operation, self._kernel
        if call.principal is not None:
            is_strict = kernel.settings.mfa_required_all
            call.principal = await admit.permit(operation, call.principal, kernel.sessions, is_strict=is_strict)
        return await (self._once(call, data, arguments) if operation.idempotent else self._run(call, arguments))

    async def _identify(self, call: Call[Any]) -> None:
        operation = self.operation
        if operation.access is Access.GUEST:
            return
        if operation.access is Access.SERVICE:
            token = call.headers.lower("x-internal-token")
            call.caller = admit.identify_caller(token, self._kernel.internal)
            return
        authorization = call.headers.lower("authorization")
        call.principal = await admit.identify(operation, authorization, self._kernel.verifier)

    def _decode(self, call: Call[Any], data: bytes, arguments: list[Any]) -> None:
        operation = self.operation
        if operation.parameters is not None:
            call.parameters = decode.fields(dict(call.path), operation.parameters)
        elif call.path:
            decode.refuse_nul(dict(call.path))
        if self._decoder is not None and operation.body is not None:
            if data:
                types = call.headers.lower("content-type"), call.headers.lower("content-encoding")
                decode.check_content_type(*types)
            arguments.append(decode.body(data, self._decoder, operation.body))
        if operation.raw_body:
            arguments.append(data)
        if operation.query is not None:
            arguments.append(decode.query(call.raw_query, operation.query))

    async def _count(self, call: Call[Any], body: Any) -> list[Counted]:
        """Count the request; return what is given back when it does nothing."""
        rules = [Counted(limit, who) for limit in self._limits if (who := _identity(limit, call, body)) is not None]
        try:
            standing = await self._limiter.ask(rules)
        except Exceeded as exceeded:
            _show(call, exceeded.standing)
            if self._kernel.on_limit_hit is not None:
                await self._kernel.on_limit_hit(call, exceeded.standing)
            raise
        if standing is not None:
            _show(call, standing)
        return [rule for rule in rules if rule.limit.only_done]

    async def _run(self, call: Call[Any], arguments: list[Any]) -> Answer:
        operation = self.operation
        result = await operation.handler(call, *arguments)
        if operation.status == 204:
            assert result is None, f"{operation.name}: 204 has no body, the handler returned {type(result).__name__}"
            return 204, b""
        status = call.reply_status
        assert status in (operation.status, *operation.other_statuses), f"{operation.name}: {status} is not announced"
        if operation.sends is not None:
            call.reply_pieces = result
            return status, b""
        return status, encode.reply(result, is_bare=not operation.envelope)

    async def _once(self, call: Call[Any], data: bytes, arguments: list[Any]) -> Answer:
        key, database = call.headers.lower("idempotency-key"), self._kernel.database
        if not key or database is None:
            if self.operation.idempotency_required:
                raise Invalid(details={headers.IDEMPOTENCY_KEY: "is required"})
            return await self._run(call, arguments)
        user = call.principal.user_id if call.principal else call.caller or call.client_ip
        path = self.operation.path.format(**call.path)
        scope = idempotency.scope_of(user=user, method=call.method, path=path, key=key)
        held = await idempotency.claim(
            database,
            scope=scope,
            request_hash=idempotency.request_hash(data, call.raw_query),
            deadline_s=call.deadline - asyncio.get_running_loop().time(),
        )
        if isinstance(held, idempotency.Stored):
            call.reply_headers[_REPLAYED] = "true"
            return held.status, held.reply
        call.idempotency = held
        return await self._hold(call, arguments, held)

    async def _hold(self, call: Call[Any], arguments: list[Any], held: idempotency.Claim) -> Answer:
        database = self._kernel.database
        assert database is not None, "a claim comes from the database"
        try:
            status, reply = await self._run(call, arguments)
        except Problem as problem:
            if not (isinstance(problem, Unavailable) and problem.may_have_taken_effect):
                body = envelope(problem, call.request_id, is_production=self._kernel.is_production)
                await idempotency.finish(database, held, status=problem.status, reply=body)
            raise
        await idempotency.finish(database, held, status=status, reply=reply)
        return status, reply


async def read_body(call: Call[Any], receive: Receive, bytes_max: int) -> bytes:
    """Return the whole body, or raise PayloadTooLarge as soon as it is clear that it is too large."""
    _refuse_announced(call, bytes_max)
    message = await receive()
    data = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request" and len(data) <= bytes_max:
        return data
    parts, size = [data], len(data)
    while message.get("more_body", False) and size <= bytes_max:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if message["type"] == "http.disconnect":
        raise ClientLeft
    if size > bytes_max:
        raise _too_large(bytes_max)
    return b"".join(parts)


def received(call: Call[Any], receive: Receive, media_type: str, bytes_max: int) -> AsyncIterator[bytes]:
    """Return the body piece by piece; what the head says is judged at once, the rest as it arrives."""
    decode.check_media_type(call.headers.lower("content-type"), media_type)
    _refuse_announced(call, bytes_max)
    return _pieces(receive, bytes_max)


async def _pieces(receive: Receive, bytes_max: int) -> AsyncIterator[bytes]:
    size, is_more = 0, True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece, is_more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size > bytes_max:
            raise _too_large(bytes_max)
        yield piece


def _refuse_announced(call: Call[Any], bytes_max: int) -> None:
    announced = call.headers.lower("content-length")
    if announced.isdecimal() and int(announced[:20]) > bytes_max:
        raise _too_large(bytes_max)


def _too_large(bytes_max: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {bytes_max} bytes.")


def _identity(limit: Limit, call: Call[Any], body: Any) -> str | None:
    match limit.per:
        case Per.IP:
            return limited_as(call.client_ip)
        case Per.USER:
            return call.principal.user_id if call.principal is not None else None
        case Per.EVERYONE:
            return "all"
        case Per.VALUE:
            assert limit.value is not None, f"{limit.rule}: Per.VALUE needs a value function"
            return limit.value(call, body) if body is not None else None


def _show(call: Call[Any], standing: Standing) -> None:
    call.reply_headers[headers.LIMIT] = str(standing.limit.count)
    call.reply_headers[headers.REMAINING] = str(standing.remaining)
    call.reply_headers[headers.RESET] = str(standing.reset_s)
