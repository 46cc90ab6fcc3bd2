"""Draw a topology as Mermaid text and as a tree: every box a component, every arrow a link, and nothing else.

Between: cli.topology (prints), topology.page (docs/topology.md).
Shape: Mermaid: one subgraph per zone, one line per box and per arrow; tree: zones, components, links.
Invariant: boxes and arrows are exactly those of the model (tested by reading the text back).
Errors: none.
Source: Mermaid flowchart syntax 11: `a["label"]`, `a -->|label| b`, `-.->` dotted, `==>` thick.
"""

from collections.abc import Collection
from typing import Final

from audifi.topology.model.compute import Component, Zone
from audifi.topology.model.network import Link, LinkKind
from audifi.topology.model.whole import Topology

ASIDE: Final = frozenset({LinkKind.OBSERVE, LinkKind.BACKUP})  # nobody who uses the platform waits for these
LEGEND: Final = "solid: passes requests or data; thick: not ready without it; dotted: observation and backup"


def mermaid(topology: Topology, kinds: Collection[LinkKind] = tuple(LinkKind)) -> str:
    """A flowchart of the links of these kinds and the components they join (all kinds: every component)."""
    links = [link for link in topology.links if link.kind in kinds]
    joined = {name for link in links for name in (link.source, link.target)}
    everything = set(kinds) == set(LinkKind)
    lines = ["flowchart TB"]
    for zone in Zone:
        boxes = [
            component
            for component in topology.components
            if component.zone is zone and (everything or component.name in joined)
        ]
        if boxes:
            lines += [f"  subgraph zone_{zone}[{zone}]", *(f"    {_box(component)}" for component in boxes), "  end"]
    lines += [f"  {_arrow(link)}" for link in links]
    return "\n".join(lines) + "\n"


def tree(topology: Topology) -> str:
    """Zones, their components, and below each the links it opens."""
    lines = [topology.environment]
    zones = [zone for zone in Zone if any(component.zone is zone for component in topology.components)]
    for zone in zones:
        is_last = zone is zones[-1]
        lines.append(f"{'└── ' if is_last else '├── '}{zone}")
        lines += _branch(topology, zone, "    " if is_last else "│   ")
    return "\n".join(lines) + "\n"


def title(component: Component) -> str:
    """The component as a reader of a picture needs it: name and pods."""
    return component.name if component.resources is None else f"{component.name} ×{component.replicas}"


def patience(link: Link) -> str:
    """The deadline of a link for a reader."""
    if link.deadline_ms is None:
        return "stream"
    return f"{link.deadline_ms / 1000:g} s"


def _branch(topology: Topology, zone: Zone, indent: str) -> list[str]:
    members = [component for component in topology.components if component.zone is zone]
    lines: list[str] = []
    for component in members:
        is_last = component is members[-1]
        lines.append(f"{indent}{'└── ' if is_last else '├── '}{_line(topology, component)}")
        below = indent + ("    " if is_last else "│   ")
        opened = topology.links_from(component.name)
        lines += [f"{below}{'└─► ' if link is opened[-1] else '├─► '}{_end(link)}" for link in opened]
    return lines


def _line(topology: Topology, component: Component) -> str:
    ports = " ".join(f"{port.name}:{port.number}" for port in component.ports)
    later = f"  [not on one machine before {component.arrives_in}]" if _is_missing(topology, component) else ""
    return f"{component.name} ×{component.replicas}  {ports}  {component.purpose}{later}"


def _end(link: Link) -> str:
    return f"{link.target}:{link.port}  {patience(link)}  {link.purpose}"


def _is_missing(topology: Topology, component: Component) -> bool:
    return topology.environment == "local" and not component.runs_locally


def _id(name: str) -> str:
    return name.replace("-", "_")


def _box(component: Component) -> str:
    return f'{_id(component.name)}["{title(component)}"]'


def _arrow(link: Link) -> str:
    line = "-.->" if link.kind in ASIDE else "==>" if link.readiness else "-->"
    return f"{_id(link.source)} {line}|{link.port}| {_id(link.target)}"
