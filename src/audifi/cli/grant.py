"""Give a role to an account: how the first administrator is made.

Between: a person who may run programs on the platform, and auth-service's console.
Invariant: it is written to the audit log like every change of a role; doing it twice changes nothing.
Errors: an address nobody signed in with, a role that does not exist, a platform that does not run: one line, exit 2.
Exit: 0 the account holds the role · 2 wrong use, or nothing runs
Example: ./audifi grant admin@audifi.io ADMIN
"""

import sys
from typing import Any

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.cli.outbound import asked, shown
from audifi.local.resolution import environment
from audifi.topology.declaration import platform

AUTH_POD = "auth-service-1"  # whose environment the program is given
AUTH_CONSOLE = "audifi.services.auth.console"


def grant(email: str, role: str, /, *, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Give a role to an account, in its open sessions too.

    Parameters
    ----------
    email
        The address the account signed in with.
    role
        USER, ARTIST, PRODUCER or ADMIN.
    json_
        Print JSON.
    instance
        Which platform.
    """
    found, _ = running(instance)
    told = environment(found, platform("local"), AUTH_POD)
    given = asked(AUTH_CONSOLE, ["grant", email, role], told)
    shown(given, as_json=json_, text=lambda row: _tell(row, role.upper()))
    return 0


def _tell(row: dict[str, Any], role: str) -> None:
    said = "holds" if row["changed"] else "held already"
    sys.stdout.write(f"{row['email']} {said} {role}; roles now: {', '.join(row['roles'])}\n")
