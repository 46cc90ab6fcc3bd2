"""Write rows as CSV that a spreadsheet opens without running anything.

Between: exporting (writes chunks), routes.exports.
Invariant: a text that a spreadsheet would take for a formula gets an apostrophe in front; lines end with CRLF.
Errors: none.
Source: RFC 4180; OWASP "CSV Injection" (=, +, -, @, tab and carriage return at the start).
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return the rows as lines."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
