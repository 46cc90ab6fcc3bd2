"""Open the Redis Cluster, or the queue's Redis.

Between: a person and redis-cli, which takes our place (its arguments follow ours: `audifi redis GET key`).
Invariant: the password travels in the environment (REDISCLI_AUTH), never in an argument.
Errors: NotRunning, MissingBinary through cli.main.
Exit: redis-cli's own · 2 nothing runs
Example: ./audifi redis PING
"""

import os
from typing import Annotated, Never

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption, running
from audifi.local.binaries import binary
from audifi.local.ports import LOOPBACK
from audifi.local.resolution import port, secret
from audifi.topology.declaration import platform

QueueOption = Annotated[bool, Parameter(name="--queue", negative=(), help="Open the queue's Redis instead.")]
Arguments = Annotated[str, Parameter(allow_leading_hyphen=True, help="For redis-cli itself.")]


def redis(*arguments: Arguments, queue: QueueOption = False, instance: InstanceOption = DEFAULT) -> Never:
    """Open the Redis Cluster with redis-cli."""
    found, _ = running(instance)
    topology = platform("local")
    component = topology.stores.queue.component if queue else topology.stores.redis_cluster.component
    follow_redirections = [] if queue else ["-c"]
    number = port(found, topology, f"{component}-1", "redis")
    os.putenv("REDISCLI_AUTH", secret(found, topology, f"{component}-password"))
    command = ["redis-cli", *follow_redirections, "-h", LOOPBACK, "-p", str(number), *arguments]
    os.execv(binary("redis-cli"), command)  # noqa: S606  # no shell is wanted
