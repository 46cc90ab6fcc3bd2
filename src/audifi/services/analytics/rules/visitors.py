"""Tell one visitor from another for a day, without keeping who it was.

Between: recording, routes.events.
Why by day: the same person has another name tomorrow, so that nobody can be followed; how many visitors a week had is
therefore the sum of its days.
Errors: none.
Source: domain.md 4 "Privacy"; decided here.
"""

import hashlib
import ipaddress
from datetime import date
from uuid import UUID

_BYTES = 16


def visitor(day: date, *, user_id: UUID | None, ip: str | None, user_agent: str | None) -> bytes | None:
    """Return a name for whoever it was, good for one day."""
    if user_id is None and ip is None:
        return None
    who = f"user {user_id}" if user_id is not None else f"{ip} {user_agent}"
    return hashlib.sha256(f"{day.isoformat()} {who}".encode()).digest()[:_BYTES]


def seen(user_id: UUID | None, ip: str, client_event_id: str) -> bytes:
    """Return the key under which a client's own name of an event is remembered."""
    who = f"user {user_id}" if user_id is not None else f"ip {ip}"
    return hashlib.sha256(f"{who}\n{client_event_id}".encode()).digest()


def address(text: str) -> str | None:
    """Return a client's address if it is one."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
