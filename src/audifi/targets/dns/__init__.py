"""Render the zone: for octoDNS, which plans and applies it, and as a zone file that any name server reads.

Between: topology.surface.dns* and applying.dns (octoDNS), `octodns-sync` by hand, named-checkzone, name servers.
Shape: config.yaml, zones/<zone>.yaml, <zone>.zone.
Invariant: both say the same records; what no place has filled in yet is a placeholder (topology.places).
Errors: ValueError for a type of record that neither form knows.
"""

from audifi.targets.dns import octodns, zonefile
from audifi.targets.files import File
from audifi.topology import places
from audifi.topology.model.whole import Topology


def render(topology: Topology) -> tuple[File, ...]:
    """The zone in both forms, and octoDNS' configuration."""
    whole = places.with_placeholders(topology)
    return (*octodns.render(whole), zonefile.render(whole))
