"""Be one viewer: connect, say who it is, join, note what is read, and come back after a loss.

Between: crowd and voters (own many of them) and the gateway's socket.
Shape: a Viewer is the protocol object of its connection, again and again of the next one; `Watching` is what all
viewers of a process share: where to connect, the reader, the counters.
Invariant: it comes back as our clients do: at a random moment of a growing pause, on from the event it has, not at all
after a code that says so. What it reads costs one look-up and two numbers: what measures must not be the bottleneck.
Units: *_us microseconds since the epoch, *_s seconds.
Errors: none leave it: what goes wrong is counted in `trouble`, and the connection is tried again.
Source: domain.md 3 "Recovery"; sdk/live/backoff.py; realtime.md 3.
"""

import asyncio
import base64
import re
import secrets
import ssl
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, cast

import msgspec

from audifi.drills.swarm import frames
from audifi.drills.swarm.facts import Batch, Fact, Reader, decoded
from audifi.drills.swarm.frames import CLOSE, LOST, PING, PONG, TEXT, ProtocolFault
from audifi.sdk.live import backoff
from audifi.wire.live.protocol import DRAINING, FINAL_CODES

CONNECTS_WITHIN_S: Final = 15.0
HEAD_END: Final = b"\r\n\r\n"
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after: *([0-9]+)", re.IGNORECASE)


class Lane(msgspec.Struct, frozen=True):
    """One way to the gateway."""

    host: str
    port: int
    name: str  # of the host, as the certificate and the request have it
    is_tls: bool
    prefix: str = ""  # of the path: names a pod


@dataclass
class Watching:
    """What all viewers of a process share."""

    session_id: str
    lanes: tuple[Lane, ...]
    origin: str
    trust: ssl.SSLContext | None
    comes_back: bool = True  # after a loss; false only as a sabotage: what if our clients did not?
    reader: Reader = field(default_factory=Reader)
    dice: Random = field(default_factory=Random)
    opens: int = 0
    frames: int = 0
    trouble: Counter[str] = field(default_factory=Counter[str])
    arrivals: defaultdict[Fact, list[int]] = field(default_factory=lambda: defaultdict(list))

    def path(self, lane: Lane) -> str:
        return f"{lane.prefix}/vstudio/{self.session_id}"


def now_us() -> int:
    return time.time_ns() // 1000


class Viewer(asyncio.Protocol):
    """One of them; a guest unless `token` says who."""

    def __init__(self, number: int, address: str, watching: Watching) -> None:
        self.number = number
        self.address = address
        self.seq = -1
        self.version = -1  # of the tally it saw last
        self.at_us = array("q")
        self.saw = array("q")
        self.is_stalled = False
        self._is_over = False
        self._watching = watching
        self._transport: asyncio.Transport | None = None
        self._is_open = False  # the upgrade is done
        self._rest = b""
        self._key = ""
        self._tries = 0
        self._wait_s = 0.0  # what a refusal asked for
        self._is_told = False  # when to go
        self._code = LOST

    def start(self) -> None:
        """Connect now."""
        # The loop keeps a task alive only while something waits for it: this one waits for a socket.
        self._connecting = asyncio.ensure_future(self._connect())

    @property
    def is_live(self) -> bool:
        return self._is_open

    def stall(self) -> None:
        """Read nothing from now on."""
        self.is_stalled = True
        if self._transport is not None:
            self._transport.pause_reading()

    def leave(self) -> None:
        """Go, for good."""
        self._is_over = True
        self._cut()

    def _cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def token(self) -> str | None:
        """Who it says it is before it joins: nobody."""
        return None

    def answered(self, frame: dict[str, Any]) -> None:
        """Take a frame that is for this viewer alone."""
        match frame:
            case {"type": "reconnect", "afterMs": after_ms}:
                self._later(float(after_ms) / 1000, self._move)
            case {"type": "error", "code": code, "message": message}:
                self._watching.trouble[f"error {code} ({message})"] += 1
            case _:
                return

    def say(self, frame: dict[str, Any]) -> None:
        """Send one frame, if there is somebody to send it to."""
        if self._transport is not None and self._is_open:
            self._transport.write(frames.masked(TEXT, msgspec.json.encode(frame)))

    # Connecting.

    async def _connect(self) -> None:
        watching = self._watching
        if self._is_over or self.is_stalled:
            return
        lane = watching.lanes[(self.number + self._tries) % len(watching.lanes)]
        self._key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._lane, self._is_open, self._rest, self._code = lane, False, b"", LOST
        try:
            async with asyncio.timeout(CONNECTS_WITHIN_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: self,
                    lane.host,
                    lane.port,
                    ssl=watching.trust if lane.is_tls else None,
                    server_hostname=lane.name if lane.is_tls else None,
                    local_addr=(self.address, 0),
                )
        except (OSError, TimeoutError) as error:
            watching.trouble[type(error).__name__] += 1
            self._again()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = self._transport = cast("asyncio.Transport", transport)  # uvloop's is one but does not inherit it
        host = f"{self._lane.name}:{self._lane.port}"
        path = self._watching.path(self._lane)
        transport.write(frames.upgrade(host, path, self._key, {"Origin": self._watching.origin}))
        self._deadline = self._later(CONNECTS_WITHIN_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # the close frame said why
        self._transport = None
        self._deadline.cancel()
        if self._is_open and not self._is_over:
            self._is_over = not self._watching.comes_back
            self._note(self._watching.reader.single(Fact("closed", self._code)))
            self._watching.trouble[f"closed {self._code}"] += 1
        self._is_open = False
        if self._code not in FINAL_CODES:
            self._again()

    def _again(self) -> None:
        if self._is_over or self.is_stalled:
            return
        pause_s = self._wait_s + backoff.pause_ms(self._tries, self._watching.dice.random()) / 1000
        if self._code == DRAINING and self._is_told:
            pause_s = 0.0
        self._wait_s, self._is_told = 0.0, False
        self._tries = min(self._tries + 1, backoff.TRIES_MAX)
        self._later(pause_s, self.start)

    def _later(self, after_s: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(after_s, do)

    def _move(self) -> None:
        """Go, because the pod drains: it has said when, so there is no pause."""
        self._code, self._is_told = DRAINING, True
        self._cut()

    def _give_up(self) -> None:
        if not self._is_open:
            self._watching.trouble["no upgrade in time"] += 1
            self._cut()

    def _upgraded(self, data: bytes) -> bytes:
        """Take the answer to the upgrade; what is left of it belongs to frames."""
        self._rest += data
        head, end, rest = self._rest.partition(HEAD_END)
        if not end:
            return b""
        self._rest = b""
        if not head.startswith(b"HTTP/1.1 101") or frames.accepted(self._key) not in head:
            self._watching.trouble[f"refused {head[9:12].decode('ascii', 'replace')}"] += 1
            asked = _RETRY_AFTER.search(head)
            self._wait_s = float(asked.group(1)) if asked else 0.0
            self._cut()
            return b""
        self._is_open = True
        self._watching.opens += 1
        self._note(self._watching.reader.single(Fact("opened", self.seq)))
        token = self.token()
        self.say({"type": "auth"} if token is None else {"type": "auth", "token": token})
        self.say({"type": "join"} if self.seq < 0 else {"type": "join", "lastSeq": self.seq})
        return rest

    # Reading.

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            data = self._upgraded(data)
            if not data:
                return
        if self._rest:
            data = self._rest + data
            self._rest = b""
        try:
            batch = self._watching.reader.batch(data)
        except ProtocolFault as fault:
            self._watching.trouble[f"protocol: {fault}"[:120]] += 1
            self._cut()
            return
        if batch.read_bytes != len(data):
            self._rest = data[batch.read_bytes :]
        self._take(batch)

    def _take(self, batch: Batch) -> None:
        if batch.facts:
            at_us = self._note(batch)
            self._watching.frames += len(batch.facts)
            self.seq = max(self.seq, batch.seq)
            for tally in batch.tallies:
                self.version = tally.version
                self._watching.arrivals[tally].append(at_us)
            self._tries = 0
        for opcode, payload in batch.controls:
            self._controlled(opcode, payload)
        for payload in batch.answers:
            self.answered(decoded(payload))

    def _note(self, batch: Batch) -> int:
        at_us = now_us()
        self.at_us.append(at_us)
        self.saw.append(batch.number)
        return at_us

    def _controlled(self, opcode: int, payload: bytes) -> None:
        if self._transport is None:
            return
        if opcode == PING:
            self._transport.write(frames.masked(PONG, payload))
        elif opcode == CLOSE:
            self._code = frames.close_code(payload)
            self._transport.write(frames.masked(CLOSE, payload[:2]))
            self._transport.close()
