"""Say which region answers: monitors ask for health, pools are regions, a load balancer chooses the nearest well one.

Between: topology.surface.dns.steering, topology.regions, topology.surface.cdn.
Shape: for each steered domain one monitor, one pool a region (the primary first, which is also the last resort), one
load balancer. Ids are known only when a thing exists: `<monitor:…>`, `<pool:…>`.
Units: seconds.
Known: one policy at a time: by round trip (latency), which keeps out what is not well (failover). The regions near to
each part of the world (geo) are given too, for a switch of `steering_policy` to geo.
Invariant: a lost region is noticed within `interval_s * failures` of the declaration.
Known: `check_regions`, where monitors ask from, is the CDN's choice: the API takes it only after a pool exists.
Errors: KeyError for a region whose parts of the world are not declared.
Source: design.md "Multi-Region"; domain.md 6.6 (30 s, 2 failures); developers.cloudflare.com/load-balancing/.
"""

from typing import Any

from audifi.topology.model.edge import Steering
from audifi.topology.model.network import Region
from audifi.topology.model.whole import Topology


def monitors(topology: Topology) -> dict[str, dict[str, Any]]:
    """Who asks for health, by name; the API knows monitors by their description."""
    cdn = topology.surface.cdn
    return {
        name(topology, steering): {
            "description": name(topology, steering),
            "type": "https",
            "method": "GET",
            "path": steering.health_path,
            "port": 443,
            "expected_codes": "200",
            "header": {"Host": [topology.domain(steering.domain).host]},
            "interval": steering.interval_s,
            "timeout": cdn.monitor_timeout_s,
            "retries": cdn.monitor_retries,
            "consecutive_down": steering.failures,
            "consecutive_up": steering.failures,
            "follow_redirects": False,
            "allow_insecure": False,
        }
        for steering in topology.surface.dns.steering
    }


def pools(topology: Topology) -> dict[str, dict[str, Any]]:
    """The regions, by name."""
    return {
        pool_name(topology, steering, region): {
            "name": pool_name(topology, steering, region),
            "description": f"{region.role}: {region.components}",
            "origins": [
                {"name": region.name, "address": address(topology, steering, region), "enabled": True, "weight": 1}
            ],
            "monitor": f"<monitor:{name(topology, steering)}>",
            "minimum_origins": 1,
            "enabled": True,
        }
        for steering in topology.surface.dns.steering
        for region in topology.regions
    }


def balancers(topology: Topology) -> dict[str, dict[str, Any]]:
    """Who chooses, by host."""
    return {topology.domain(each.domain).host: _balancer(topology, each) for each in topology.surface.dns.steering}


def name(topology: Topology, steering: Steering) -> str:
    """What the account calls this domain's things; it may hold those of other zones too."""
    return f"{prefix(topology)}{steering.domain}"


def prefix(topology: Topology) -> str:
    """What the names of everything of ours in the account begin with."""
    return f"audifi-{topology.environment}-"


def pool_name(topology: Topology, steering: Steering, region: Region) -> str:
    """What the account calls one region of a domain."""
    return f"{name(topology, steering)}-{region.name}"


def address(topology: Topology, steering: Steering, region: Region) -> str:
    """Where a region answers: the primary as the zone's record says, the others by a place of their own."""
    label = topology.domain(steering.domain).host.removesuffix(f".{topology.surface.dns.zone.removesuffix('.')}")
    of_primary = next(record.value for record in topology.dns_records if (record.name, record.type) == (label, "A"))
    return of_primary if region.role == "primary" else f"<{of_primary.strip('<>')} {region.name}>"


def _balancer(topology: Topology, steering: Steering) -> dict[str, Any]:
    ordered = [f"<pool:{pool_name(topology, steering, region)}>" for region in topology.regions]
    codes = dict(topology.surface.cdn.region_codes)
    near = {
        code: [ordered[place], *(other for other in ordered if other != ordered[place])]
        for place, region in enumerate(topology.regions)
        for code in codes[region.name]
    }
    return {
        "name": topology.domain(steering.domain).host,
        "description": steering.source,
        "default_pools": ordered,
        "fallback_pool": ordered[0],
        "region_pools": dict(sorted(near.items())),
        "steering_policy": "dynamic_latency" if "latency" in steering.policies else "geo",
        "session_affinity": "none",  # a ticket names its pod, and any pod takes any ticket
        "proxied": True,
        "enabled": True,
    }
