"""Judge what processes are told: every reference resolves, every secret is declared and has no default.

Between: topology.audit (runs RULES). Source of each rule: its docstring.
Errors: none; findings are notes.
"""

from collections.abc import Iterator
from typing import Final

from audifi.topology.environments import process_environment
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, error
from audifi.topology.references import (
    DatabaseUrl,
    Endpoint,
    Endpoints,
    Joined,
    OwnPort,
    PeerUrls,
    PublicKeys,
    PublicUrl,
    Secret,
    Url,
    Value,
)


def references_resolve(topology: Topology) -> Iterator[Note]:
    """A reference to what is not declared would fail at start, on every pod at once."""
    known = {component.name for component in topology.components}
    linked = {name for link in topology.links for name in (link.source, link.target)}
    if not linked <= known:
        return  # arrows.ends_exist says so already, and nothing can be computed
    for component in topology.components:
        for name, value in process_environment(topology, component.name).items():
            for missing in _unresolved(topology, component.name, value):
                reason = f"{name} refers to {missing}, which is not declared"
                yield error("reference", component.name, reason, "declare it, or correct the reference")


def _unresolved(topology: Topology, component: str, value: Value) -> Iterator[str]:
    match value:
        case Joined(values=values):
            for part in values:
                yield from _unresolved(topology, component, part)
        case Endpoint() | Endpoints() | Url() | PeerUrls() | DatabaseUrl():
            yield from _missing_port(topology, value.component, value.port)
        case OwnPort(port=port):
            yield from _missing_port(topology, component, port)
        case PublicUrl(domain=domain):
            if domain not in {known.name for known in topology.surface.domains}:
                yield f"the domain {domain}"
        case Secret(name=name):
            yield from _missing_secrets(topology, name)
        case PublicKeys(secrets=secrets):
            yield from _missing_secrets(topology, *secrets)
        case _:
            return


def _missing_port(topology: Topology, component: str, port: str) -> Iterator[str]:
    for known in topology.components:
        if known.name == component:
            if port not in {declared.name for declared in known.ports}:
                yield f"port {port} of {component}"
            return
    yield f"the component {component}"


def _missing_secrets(topology: Topology, *names: str) -> Iterator[str]:
    known = {secret.name for secret in topology.secrets}
    yield from (f"the secret {name}" for name in names if name not in known)


def secrets_have_no_default(topology: Topology) -> Iterator[Note]:
    """A default secret is one everybody knows."""
    for secret in topology.secrets:
        if secret.default:
            yield error(
                "secret-default",
                "".join(secret.used_by[:1]),
                f"the secret {secret.name} has a default",
                "remove it: absent is an error",
            )
        if secret.rotation_days < 1:
            yield error(
                "secret-rotation",
                "".join(secret.used_by[:1]),
                f"the secret {secret.name} is never rotated",
                "declare rotation_days",
            )


def secrets_are_references(topology: Topology) -> Iterator[Note]:
    """A secret written as text ends in a manifest, a log and a repository."""
    for component in topology.components:
        for name, value in component.environment:
            secretive = name.endswith(("PASSWORD", "_KEY", "_KEYS", "_SECRET", "_TOKEN"))
            if isinstance(value, str) and secretive:
                yield error("secret-literal", component.name, f"{name} is written as text", "use Secret(name=…)")


def secrets_have_readers(topology: Topology) -> Iterator[Note]:
    """A secret is readable by declared components only."""
    known = {component.name for component in topology.components}
    for secret in topology.secrets:
        for reader in secret.used_by:
            if reader not in known:
                reason = f"the secret {secret.name} is readable by {reader}, which does not exist"
                yield error("secret-reader", reader, reason, "name a declared component")


RULES: Final[tuple[Rule, ...]] = (
    references_resolve,
    secrets_have_no_default,
    secrets_are_references,
    secrets_have_readers,
)
