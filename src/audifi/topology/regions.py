"""Declare where the platform stands: one region writes, another reads and can take over.

Between: topology.declaration (includes it), local.regions (network namespaces), targets.dns (health-routed answers).
Shape: the primary first. Local and staging have only the primary (environments.py).
Invariant: exactly one region writes.
Errors: none.
Source: design.md "Multi-Region"; domain.md 7 (health-checked failover).
"""

from audifi.topology.model.network import Region

MULTI_REGION = "design.md, Multi-Region"

REGIONS = (
    Region(
        name="us-east-1",
        role="primary",
        components="full stack",
        operations=("write", "read"),
        source=f"{MULTI_REGION}: Primary",
    ),
    Region(
        name="eu-west-1",
        role="secondary",
        components="read replicas, failover ready",
        operations=("read",),
        source=f"{MULTI_REGION}: Secondary",
    ),
)
