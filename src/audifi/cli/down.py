"""Stop the platform in reverse order of its start.

Between: a person and local.launch.
Invariant: afterwards no process, socket or temporary file of the instance is left; data stays unless `--data`.
Errors: LocalError through cli.main. Nothing running is no error: what was wanted is so.
Exit: 0 nothing runs any more · 2 something could not be stopped
Example: ./audifi down
"""

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption
from audifi.cli.progress import Progress
from audifi.local import launch
from audifi.local.state import Instance

DataOption = Annotated[
    bool, Parameter(name="--data", negative=(), help="Also remove its data, passwords, keys and port numbers.")
]


def down(*, data: DataOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Stop the platform; data stays."""
    if not instance.exists():
        sys.stdout.write(f"Nothing is running in {instance}.\n")
        return 0
    return asyncio.run(_down(Instance.at(instance), with_data=data))


async def _down(instance: Instance, *, with_data: bool) -> int:
    with Progress() as progress:
        was_running = await launch.stop(instance, with_data=with_data, tell=progress.tell)
    done = f"Stopped in {progress.elapsed_s:.1f} s." if was_running else f"Nothing was running in {instance.path}."
    kept = "Its data was removed." if with_data else "Its data is kept; ./audifi down --data removes it."
    sys.stdout.write(f"{done} {kept}\n")
    return 0
