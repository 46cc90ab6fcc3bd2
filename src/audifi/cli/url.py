"""Print a public address of the running platform.

Between: a person or a script (`curl $(./audifi url api)/v1/…`) and local.resolution.
Errors: UnknownName lists the names; NotRunning through cli.main.
Exit: 0 printed · 2 nothing runs, or there is no such name
Example: ./audifi url api
"""

import json
import sys
from typing import Final

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.local.errors import NotRunning, UnknownName
from audifi.local.plan import chosen
from audifi.local.resolution import public_url
from audifi.topology.declaration import platform

EDGE: Final = "edge"


def url(name: str = "api", /, *, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Print the base URL of one of our hosts: api, app, ws, …"""
    found, state = running(instance)
    topology = platform("local")
    if EDGE not in chosen(topology, state.only):
        raise NotRunning(
            f"{found.path} runs without the edge (--only {', '.join(state.only)}): it has no public address"
        )
    urls = {domain.name: public_url(found, topology, domain.name) for domain in topology.domains}
    if name not in urls:
        raise UnknownName(f"there is no host {name!r}; there are {', '.join(urls)}")
    sys.stdout.write(f"{json.dumps(urls, indent=1) if json_ else urls[name]}\n")
    return 0
