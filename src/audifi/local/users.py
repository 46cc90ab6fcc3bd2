"""Know who a process may run as on this machine.

Between: local.process (drops to a user), local.files (gives files to it) and the user database.
Invariant: PostgreSQL, Patroni and PgBouncer refuse root: when we are root they run as the user `postgres` that
their Debian package made; when we are not, everything runs as ourselves and nothing is dropped.
Errors: LocalError when we are root and the user is missing.
"""

import os
import pwd
from dataclasses import dataclass
from functools import cache
from typing import Final

from audifi.local.errors import LocalError

UNPRIVILEGED: Final = "postgres"  # Debian's postgresql-common creates it


@dataclass(frozen=True)
class User:
    """A user a process can run as."""

    name: str
    uid: int
    gid: int
    must_drop: bool  # false: we already are this user


@cache
def unprivileged_user() -> User:
    """The user for servers that refuse root."""
    if os.geteuid() != 0:
        ourselves = pwd.getpwuid(os.geteuid())
        return User(ourselves.pw_name, ourselves.pw_uid, ourselves.pw_gid, must_drop=False)
    try:
        found = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        raise LocalError(
            f"we run as root, and PostgreSQL refuses root: the user {UNPRIVILEGED!r} is missing. "
            f"It comes with Debian's postgresql package: run ./audifi setup"
        ) from error
    return User(found.pw_name, found.pw_uid, found.pw_gid, must_drop=True)
