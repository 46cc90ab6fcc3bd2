"""Read the data of server-sent events from the bytes of a stream; pure.

Between: sdk.live.connections.
Shape: lines end with LF, CR LF or CR; an empty line ends an event; comments and other fields are passed over, because
a frame carries its own seq.
Errors: none: bytes that are not UTF-8 are replaced, as the standard says.
Source: HTML Living Standard 9.2.6 "Interpreting an event stream".
"""

import re

LINE_END = re.compile(r"\r\n|\n|\r")


class Reader:
    """One stream's."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[str]:
        """Return the data of every event that ends in this chunk."""
        whole, separator, rest = (self._rest + chunk).rpartition(b"\n")  # never inside a character, nor inside CR LF
        if not separator:
            self._rest = rest
            return []
        self._rest = rest
        found: list[str] = []
        for line in LINE_END.split((whole + separator).decode("utf-8", "replace"))[:-1]:
            if line == "" and self._data:
                found.append("\n".join(self._data))
                self._data = []
            elif line.startswith("data:"):
                self._data.append(line.removeprefix("data:").removeprefix(" "))
        return found
