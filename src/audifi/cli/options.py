"""Define the options that several verbs share.

Between: verbs (annotate their parameters with these) and local.state.
Invariant: without `--instance` every verb means the clone's own platform, from whatever directory it is called.
Errors: NotRunning says how to start one.
"""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

import audifi
from audifi.local.errors import NotRunning
from audifi.local.state import Instance, Running

DEFAULT: Final = Path(audifi.__file__).resolve().parents[2] / ".audifi" / "run"

InstanceOption = Annotated[
    Path,
    Parameter(
        name="--instance", help="Directory of the platform (default: .audifi/run of this clone).", show_default=False
    ),
]
JsonOption = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


def running(path: Path) -> tuple[Instance, Running]:
    """The instance, which must run."""
    instance = Instance.at(path)
    state = instance.running()
    if state is None:
        raise NotRunning(f"nothing is running in {instance.path}; start it: {_command(path)}")
    return instance, state


def _command(path: Path) -> str:
    return "./audifi up" if path == DEFAULT else f"./audifi up --instance {path}"
