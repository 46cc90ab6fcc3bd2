"""Restart a component pod by pod, or one pod.

Between: a person and the supervisor.
Invariant: the next pod is touched only when the one before is ready again.
Errors: UnknownName, NotRunning and a pod that does not come back, through cli.main.
Exit: 0 every pod is ready again · 2 nothing runs, no such name, or a pod did not come back
Example: ./audifi restart auth-service
"""

import asyncio
import sys

from audifi.cli.options import DEFAULT, InstanceOption, running
from audifi.local import launch
from audifi.local.state import Instance


def restart(name: str, /, *, instance: InstanceOption = DEFAULT) -> int:
    """Restart a component (auth-service, auth) or one pod (auth-service-2), gracefully."""
    found, _ = running(instance)
    return asyncio.run(_restart(found, name))


async def _restart(instance: Instance, name: str) -> int:
    async for event in launch.restart(instance, name):
        sys.stdout.write(f"{event['name']} {event['event']}\n")
        sys.stdout.flush()
    return 0
