"""Be one connection: what RFC 6455 asks beyond what picows does, who it is, what it may send, how it ends.

Between: picows (calls on_ws_*), gateway (everything that connections share), rooms (write to it as a Viewer).

# Who enforces what
picows: masking, opcodes, control frames (fragmented, over 125 bytes), lengths in their shortest form, close codes below
3000, the size of one frame (1009), the deadline and size of the handshake. Here: reserved bits, close codes nobody may
send, fragments and their sum (1009), binary (1003), UTF-8 (1007), limits (4003), and everything about its meaning.

# Life
    open → (ticket redeemed | auth within AUTH_S) → admitted → close frame sent → closed
What is said before the admission is there waits, WAITING_MAX frames at most. After our close frame the other side has
CLOSE_S to answer, then the socket is cut, whatever it still holds.

# Why it writes to the descriptor itself
A frame to thousands of sockets is written best at once: the kernel takes it, or the transport keeps what is left and
says `pause_writing`. uvloop keeps the descriptor until after on_ws_disconnected, so it is never somebody else's.

Shape: slots, and no task or timer while it lives (one timer until it is admitted, one after the close frame).
Errors: whatever goes wrong in here closes this connection with 1011 and is logged.
Source: RFC 6455; domain.md 3; realtime.md 2.8, 3.
"""

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
import picows

from audifi.gateways.ws import dialects
from audifi.gateways.ws.admitting import Auth, Refused
from audifi.gateways.ws.dialects import Dialect, Malformed, Said
from audifi.gateways.ws.handshake import Wanted
from audifi.gateways.ws.limits import Quota
from audifi.gateways.ws.viewer import Room
from audifi.kernel.logs import log
from audifi.wire.live import protocol
from audifi.wire.live.calls import Admission
from audifi.wire.live.protocol import Code

if TYPE_CHECKING:
    from audifi.gateways.ws.gateway import Gateway

CLOSE_S: Final = 2.0
WAITING_MAX: Final = 8
FRAGMENTS_MAX: Final = 32
BUFFER_BYTES: Final = 0  # beyond the kernel's 64 KiB: whatever waits here means "full" (realtime.md 3 "Backpressure")
_TEXT: Final = picows.WSMsgType.TEXT
_CONTINUATION: Final = picows.WSMsgType.CONTINUATION
_PING: Final = picows.WSMsgType.PING
_PONG: Final = picows.WSMsgType.PONG
_CLOSE: Final = picows.WSMsgType.CLOSE


class Connection(picows.WSListener):
    """One socket. Is a Viewer once it is admitted."""

    __slots__ = (
        "_admission",
        "_descriptor",
        "_gateway",
        "_parts",
        "_quota",
        "_since_s",
        "_slots",
        "_socket",
        "_timer",
        "_transport",
        "_waiting",
        "_wanted",
        "address",
        "heard_at",
        "is_paused",
        "misses",
        "room",
    )

    def __init__(self, gateway: "Gateway", wanted: Wanted) -> None:
        self._gateway = gateway
        self._wanted = wanted
        self._transport: picows.WSTransport | None = None
        self._socket: Any = None  # uvloop's transport
        self._descriptor = -1
        self._admission: Admission | None = None
        self._quota: Quota | None = None
        self._parts: list[bytes] | None = None  # of a fragmented message
        self._waiting: list[Said] | None = []  # said before the admission; None after
        self._timer: asyncio.TimerHandle | None = None
        self._slots = (-1, -1)
        self._since_s = 0.0
        self.room: Room | None = None
        self.address = ""
        self.heard_at = 0
        self.misses = 0
        self.is_paused = False

    # What rooms see.

    @property
    def admission(self) -> Admission:
        assert self._admission is not None, "only admitted connections are shown to rooms"
        return self._admission

    @property
    def is_open(self) -> bool:
        """Whether anything may still be written."""
        return self._transport is not None and not self._transport.is_close_frame_sent

    @property
    def is_admitted(self) -> bool:
        return self._admission is not None

    @property
    def session_id(self) -> str:
        return self._wanted.session_id

    @property
    def user_id(self) -> str | None:
        return self.admission.user_id

    @property
    def dialect(self) -> Dialect:
        return self._wanted.dialect

    @property
    def descriptor(self) -> int:
        return self._descriptor

    def write(self, frame: bytes | bytearray) -> None:
        """Send complete frames; nothing once a close frame was sent."""
        if self._transport is None or self._transport.is_close_frame_sent:
            return
        if self._socket.get_write_buffer_size():
            self._socket.write(frame)
            return
        try:
            sent = os.write(self._descriptor, frame)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # it is gone, and connection_lost is on its way
        if sent < len(frame):
            self._socket.write(frame[sent:])

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame and leave the room; the socket goes when the other side answers, or after CLOSE_S."""
        transport = self._transport
        if transport is None or transport.is_close_frame_sent:
            return
        any_code: Any = code  # its stub knows the standard ones only
        transport.send_close(any_code, reason.encode()[:123])
        self._waiting = None
        self._gateway.rooms.leave(self)
        self._arm(CLOSE_S, self._cut)

    def answer(self, type_: str, request_id: str | None, **fields: Any) -> None:
        """Send a frame to this connection alone; absent fields are left out."""
        frame = {"type": type_, "ts": time.time_ns() // 1_000_000}
        frame |= {name: value for name, value in fields.items() if value is not None}
        if request_id is not None:
            frame["requestId"] = request_id
        self._gateway.sent.inc()
        self.write(dialects.answer(self._wanted.dialect, frame))

    def refuse(self, code: Code, message: str, request_id: str | None = None, **fields: Any) -> None:
        """Send an error frame."""
        self._gateway.errors(code.name.lower())
        self.answer("error", request_id, code=int(code), message=message, **fields)

    def expel(self, code: int, message: str) -> None:
        """Send an error frame and close with its code."""
        self._gateway.errors(Code(code).name.lower() if code >= 4000 else str(code))
        self.answer("error", None, code=code, message=message)
        self.close(code, message)

    def lost(self) -> None:
        """Nothing came for too long."""
        self.expel(Code.HEARTBEAT_LOST, "Nothing was heard from you.")
        # Nobody will answer the close frame, and what the socket holds will not go anywhere.
        self._cut()

    # What picows tells.

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport
        self._socket = transport.underlying_transport
        self._socket.set_write_buffer_limits(high=BUFFER_BYTES)
        self._descriptor = self._socket.get_extra_info("socket").fileno()
        self._since_s = self._gateway.loop.time()
        transport.request.headers.clear()  # 2 KiB a connection, of which nothing is needed any more
        transport.response.headers.clear()
        self.address = self._gateway.address_of(self._socket, self._wanted.forwarded)
        self._slots = self._gateway.enrol(self)
        if not self._gateway.people.arrive(self.address):
            self.address = ""  # not counted, so not to be discounted
            self.close(protocol.OVERLOAD, "Too many connections from your address.")
            return
        self._arm(protocol.AUTH_S, self._late)
        if self._wanted.ticket is not None:
            self._gateway.spawn(self._admit_by_ticket(self._wanted.ticket))

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:  # noqa: ARG002  # picows' signature
        if self._timer is not None:
            self._timer.cancel()
        # Before anybody else is told: nothing is written again to a descriptor that will be somebody else's.
        self._transport, self._descriptor = None, -1
        self._waiting = None
        self._gateway.rooms.leave(self)
        self._gateway.dismiss(self, self._slots, self._admission, self._gateway.loop.time() - self._since_s)
        if self.address:
            self._gateway.people.gone(self.address)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self.heard_at = self._gateway.heart.second
        try:
            if transport.is_close_frame_sent:
                if frame.msg_type == _CLOSE:
                    transport.disconnect()
            elif frame.rsv1 or frame.rsv2 or frame.rsv3:
                self.close(1002, "No extension was agreed on.")
            else:
                self._take(transport, frame)
        except Exception as error:  # noqa: BLE001  # picows would log it its own way
            log.error("a connection is closed because handling a frame failed", error=error)
            self.close(1011)

    def pause_writing(self) -> None:
        self.is_paused = True
        if self.room is not None:
            self.room.paused(self)

    def resume_writing(self) -> None:
        self.is_paused = False
        if self.room is not None:
            self.room.resumed(self)

    # Frames.

    def _take(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind == _TEXT and frame.fin and self._parts is None:
            self._take_message(frame.get_payload_as_bytes())
        elif kind == _PONG:
            return
        elif kind == _PING:
            self._take_ping(transport, frame.get_payload_as_bytes())
        elif kind == _CLOSE:
            self._take_close(transport, frame.get_payload_as_bytes())
        elif kind in (_TEXT, _CONTINUATION):
            self._take_part(frame)
        else:
            self.close(1003, "Only text is spoken.")

    def _take_part(self, frame: picows.WSFrame) -> None:
        if (self._parts is None) is (frame.msg_type == _CONTINUATION):
            self.close(1002, "Fragments out of order.")
            return
        if self._parts is None:
            self._parts = []
        self._parts.append(frame.get_payload_as_bytes())
        if len(self._parts) > FRAGMENTS_MAX or sum(map(len, self._parts)) > protocol.FRAME_BYTES:
            self.close(protocol.TOO_LARGE, f"A message has {protocol.FRAME_BYTES} bytes at most.")
        elif frame.fin:
            whole, self._parts = b"".join(self._parts), None
            self._take_message(whole)

    def _take_ping(self, transport: picows.WSTransport, payload: bytes) -> None:
        wait_s = self.quota.control(self._gateway.loop.time())
        if wait_s:
            self._strike("Too many pings.", wait_s, None)
        else:
            transport.send_pong(payload)

    def _take_close(self, transport: picows.WSTransport, payload: bytes) -> None:
        code = int.from_bytes(payload[:2]) if payload else 1000
        is_valid = code in range(3000, 5000) or code in range(1000, 1004) or code in range(1007, 1015)
        self.close(code if is_valid else 1002)
        transport.disconnect()

    def _take_message(self, message: bytes) -> None:
        self._gateway.received.inc()
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self.close(protocol.INVALID_PAYLOAD, "This is not UTF-8.")
            return
        said, reason = None, ""
        try:
            said = dialects.heard(self._wanted.dialect, text)
        except Malformed as error:
            reason = str(error)
        wait_s = self.quota.message(said.type if said is not None else "", self._gateway.loop.time())
        if wait_s:
            self._strike("Slower, please.", wait_s, said.request_id if said is not None else None)
        elif said is None:
            self.refuse(Code.INVALID_MESSAGE, reason)
        elif self._admission is not None:
            self._gateway.commands.do(self, said)
        else:
            self._take_early(said)

    def _take_early(self, said: Said) -> None:
        """Take what is said before the admission."""
        if self._waiting is None:
            return
        if self._wanted.ticket is None and said.type == "auth" and not self._waiting:
            self._waiting.append(said)
            self._gateway.spawn(self._admit_by_token(said))
        elif self._wanted.ticket is None and not self._waiting:
            self.expel(Code.INVALID_TICKET, "Say who you are first: send auth.")
        elif len(self._waiting) < WAITING_MAX:
            self._waiting.append(said)
        else:
            self.expel(Code.INVALID_TICKET, "Wait until you are admitted.")

    # Admission.

    @property
    def quota(self) -> Quota:
        """The user's; a connection's own before it is known whose it is, and for guests."""
        if self._quota is None:
            self._quota = Quota()
        return self._quota

    async def _admit_by_ticket(self, ticket: str) -> None:
        try:
            admission = await self._gateway.admitting.by_ticket(self.session_id, ticket)
        except Refused as refused:
            self.expel(refused.code, str(refused))
        else:
            self._admitted(admission, None)

    async def _admit_by_token(self, said: Said) -> None:
        try:
            auth = msgspec.convert(said.fields, Auth)
            admission = await self._gateway.admitting.by_token(self.session_id, auth)
        except Refused as refused:
            self.expel(refused.code, str(refused))
        except msgspec.ValidationError:
            self.expel(Code.INVALID_TICKET, "auth: token must be an access token.")
        else:
            self._admitted(admission, said)

    def _admitted(self, admission: Admission, auth: Said | None) -> None:
        if not self.is_open:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._admission = admission
        if admission.user_id is not None:
            self._quota = self._gateway.people.quota(admission.user_id)
        self._gateway.admitted(self)
        waiting, self._waiting = self._waiting or [], None
        for said in waiting:
            if said is auth:
                self.answer("ack", said.request_id, role=admission.you.role)
            else:
                self._gateway.commands.do(self, said)

    # Ends.

    def _strike(self, message: str, wait_s: float, request_id: str | None) -> None:
        self.refuse(Code.RATE_LIMITED, message, request_id, retryAfter=round(wait_s, 1))
        if self.quota.strike(self._gateway.loop.time()):
            self.close(Code.RATE_LIMITED, "Too many, too often.")

    def _late(self) -> None:
        self.expel(Code.INVALID_TICKET, "Nobody said who you are in time.")

    def _arm(self, after_s: float, call: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._gateway.loop.call_later(after_s, call)

    def _cut(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(graceful=False)
