"""Stand in a WebSocket pod's place with nothing but its library: take sockets, send all of them what it is told to.

    python -m benchmarks.affinity.pod PORT

Between: ws_affinity (a socket at /control says `go ROUNDS EVERY_MS`) and its viewers (every other path).
Why no gateway of ours: what differs between the ways is in front of the pod; its own work would only add noise.
Shape: a message is as long as a tally (BYTES) and begins with the monotonic nanosecond at which it was sent.
"""

import asyncio
import sys
import time
from typing import Any, Final

import picows
import uvloop

BYTES: Final = 150
CONTROL: Final = b"/control"


class Viewer(picows.WSListener):
    """One socket."""

    def __init__(self, viewers: set[picows.WSTransport], *, is_control: bool) -> None:
        self._viewers = viewers
        self._is_control = is_control
        self._going: asyncio.Task[None] | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        if not self._is_control:
            self._viewers.add(transport)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.disconnect()
        elif self._is_control and frame.msg_type == picows.WSMsgType.TEXT:
            _, rounds, every_ms = frame.get_payload_as_utf8_text().split()
            self._going = asyncio.create_task(self._go(int(rounds), int(every_ms) / 1000))

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._viewers.discard(transport)

    async def _go(self, rounds: int, every_s: float) -> None:
        due_s = time.monotonic()
        for _ in range(rounds):
            for viewer in tuple(self._viewers):
                viewer.send(picows.WSMsgType.TEXT, b"%-*d" % (BYTES, time.monotonic_ns()))
            due_s += every_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))


async def main() -> None:
    viewers: set[picows.WSTransport] = set()

    def take(request: picows.WSUpgradeRequest) -> picows.WSListener | picows.WSUpgradeResponseWithListener:
        if request.path == b"/ready":
            return picows.WSUpgradeResponseWithListener(picows.WSUpgradeResponse.create_ok_response(b"ready"), None)
        return Viewer(viewers, is_control=request.path == CONTROL)

    create: Any = vars(picows)["ws_create_server"]  # its annotations leave create_server's keywords untyped
    server = await create(take, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
