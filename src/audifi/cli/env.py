"""Show what a process is told.

Between: a person and topology.environments, bound to this machine by local.resolution.
Invariant: secrets are masked unless `--reveal`, which a person types knowingly.
Errors: UnknownName lists the components; NotRunning through cli.main.
Exit: 0 shown · 2 nothing runs, or there is no such component
Example: ./audifi env auth-service
"""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.local.plan import plan
from audifi.local.resolution import resolved
from audifi.topology.declaration import platform
from audifi.topology.environments import process_environment
from audifi.topology.references import holds_secret

MASK = "********"
RevealOption = Annotated[bool, Parameter(name="--reveal", negative=(), help="Show secrets as well.")]


def env(
    name: str, /, *, reveal: RevealOption = False, json_: JsonOption = False, instance: InstanceOption = DEFAULT
) -> int:
    """Show the environment of a component (of its first pod) or of one pod."""
    found, state = running(instance)
    topology = platform("local")
    pod = plan(found, topology, state.only).units_named(name)[0]
    own = pod.env() if callable(pod.env) else pod.env
    told = {
        variable: MASK if holds_secret(value) and not reveal else resolved(value, found, topology, pod.name)
        for variable, value in process_environment(topology, pod.component).items()
    } or dict(own)
    if json_:
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    elif not told:
        sys.stdout.write(f"{pod.name} reads no variables; its configuration is in {found.config(pod.name)}\n")
    else:
        sys.stdout.write("".join(f"{variable}={value}\n" for variable, value in told.items()))
    return 0
