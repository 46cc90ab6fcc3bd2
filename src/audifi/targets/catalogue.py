"""Name every target, and render one by its name.

Between: the targets (each has `render(topology)`) and cli.render, cli.plan and tests/agreement.
Shape: name → module; a module is imported when it is asked for, so that `--help` costs nothing.
Invariant: pure; a target's folder is `rendered/<environment>/<name>/`.
Errors: KeyError names the targets there are.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, cast

from audifi.targets.files import File
from audifi.topology.model.whole import Topology

Render = Callable[[Topology], tuple[File, ...]]

TARGETS: Final[Mapping[str, str]] = {
    "cloudflare": "audifi.targets.cloudflare",
    "compose": "audifi.targets.compose",
    "dns": "audifi.targets.dns",
    "fly": "audifi.targets.fly",
    "image": "audifi.targets.image",
    "kubernetes": "audifi.targets.kubernetes",
    "terraform": "audifi.targets.terraform",
    "vercel": "audifi.targets.vercel",
}


def render(target: str, topology: Topology) -> tuple[File, ...]:
    """The files of one target, sorted by path."""
    if target not in TARGETS:
        raise KeyError(f"there is no target {target!r}; there are {', '.join(TARGETS)}")
    module = import_module(TARGETS[target])
    files = cast("Render", module.render)(topology)
    return tuple(sorted(files, key=lambda file: file.path))
