"""Say what rooms know of a connection, and what connections know of rooms.

Between: connection (is a Viewer), rooms (are Rooms) and the tests of both.
Shape: a viewer is one connection that was admitted. It is in no room before `join` and after `leave`; while it is in
one, `room` is that room's object, which is told when the socket is full and when it has room again.
Why frames come whole: a frame is made once for each dialect and batch, and written to thousands of sockets as it is.
Invariant: everything is called on the event loop; `write` and `close` never raise and do nothing once the connection
is closing.
"""

from typing import Protocol

from audifi.gateways.ws.dialects import Dialect
from audifi.wire.live.calls import Admission


class Room(Protocol):
    """The room a viewer is in."""

    def paused(self, viewer: "Viewer") -> None:
        """Its socket takes no more: write nothing until `resumed`."""
        ...

    def resumed(self, viewer: "Viewer") -> None:
        """Its socket is empty again."""
        ...


class Viewer(Protocol):
    """An admitted connection."""

    room: Room | None  # the rooms' to set; None outside

    @property
    def admission(self) -> Admission: ...
    @property
    def session_id(self) -> str: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def dialect(self) -> Dialect: ...
    @property
    def descriptor(self) -> int:
        """The socket. While the viewer is in a room and not paused nothing waits for it elsewhere, so that complete
        frames may be written to it directly; what does not fit is then given to `write`.
        """
        ...

    @property
    def is_paused(self) -> bool: ...

    def write(self, frame: bytes | bytearray) -> None:
        """Send a complete frame, or several."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame; the room hears of the end by `Rooms.leave`."""
        ...


class Rooms(Protocol):
    """All sessions somebody here watches."""

    async def join(self, viewer: Viewer, last_seq: int | None) -> None:
        """Bring the viewer up to date (what it missed after `last_seq`, else a snapshot), then show it what happens.

        Joining again starts anew. Raises a Problem of wire.problems when there is no snapshot to be had.
        """
        ...

    def leave(self, viewer: Viewer) -> None:
        """Forget the viewer; nothing happens when it is in no room."""
        ...

    def reacted(self, session_id: str, emoji: str) -> None:
        """Count a reaction for the next pulse."""
        ...

    async def withdraw(self) -> None:
        """Let no ticket name this pod any more: it drains."""
        ...
