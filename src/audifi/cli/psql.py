"""Open the database as a service sees it: through PgBouncer, with the service's role.

Between: a person and psql, which takes our place (its arguments follow ours: `audifi psql -c 'SELECT 1'`).
Invariant: the password travels in the environment, never in an argument.
Errors: UnknownName lists the roles; NotRunning, MissingBinary through cli.main.
Exit: psql's own · 2 nothing runs, or there is no such role
Example: ./audifi psql -c 'SELECT 1'
"""

import os
from typing import Annotated, Never

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption, running
from audifi.local.binaries import binary
from audifi.local.errors import UnknownName
from audifi.local.ports import LOOPBACK
from audifi.local.resolution import logins, port
from audifi.topology.declaration import platform
from audifi.topology.secrets import WITH_DATABASE, database_role

ReaderOption = Annotated[bool, Parameter(name="--reader", negative=(), help="Ask a replica.")]
Arguments = Annotated[str, Parameter(allow_leading_hyphen=True, help="For psql itself.")]


def psql(
    *arguments: Arguments, role: str = "auth", reader: ReaderOption = False, instance: InstanceOption = DEFAULT
) -> Never:
    """Open the database through PgBouncer with a service's role."""
    found, _ = running(instance)
    topology = platform("local")
    owners = {database_role(component): component for component in WITH_DATABASE}
    if role not in owners:
        raise UnknownName(f"there is no role {role!r}; there are {', '.join(owners)}")
    pooler = topology.stores.pooler
    login = logins(found, topology, owners[role])[0]
    told = {
        "PGHOST": LOOPBACK,
        "PGPORT": str(port(found, topology, f"{pooler.component}-1", "pgbouncer")),
        "PGDATABASE": pooler.reader_database if reader else pooler.writer_database,
        "PGUSER": login.user,
        "PGPASSWORD": login.password,
    }
    for name, value in told.items():
        os.putenv(name, value)  # the person's own environment goes with it: pager, terminal, .psqlrc
    os.execv(binary("psql"), ["psql", *arguments])  # noqa: S606  # no shell is wanted
