"""Tell a pod something else from its next start on, as a release does, until that is taken back.

Between: drills.faults.releases (a bad release, a wrong clock) and local.spawning (asks at each start).
Shape: `<instance>/releases/<pod>.json`, variables that are added to what the pod is told.
Invariant: nothing secret is written here; without a file a pod is told what the topology says.
Errors: OSError passes through.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from audifi.local.files import write_text
from audifi.local.state import Instance


def change(instance: Instance, pod: str, told: Mapping[str, str]) -> None:
    """Tell it this as well, from its next start on."""
    write_text(_file(instance, pod), json.dumps(told) + "\n")


def take_back(instance: Instance, pod: str) -> None:
    """Tell it what the topology says again."""
    _file(instance, pod).unlink(missing_ok=True)


def told(instance: Instance, pod: str) -> Mapping[str, str]:
    """What it is told beyond the topology now."""
    try:
        found: dict[str, str] = json.loads(_file(instance, pod).read_text())
    except FileNotFoundError:
        return {}
    return found


def _file(instance: Instance, pod: str) -> Path:
    return instance.path / "releases" / f"{pod}.json"
