"""Render the whole file Envoy starts from: the API gateway's, and what every Envoy of ours has in common.

Between: local.components.api_gateway (writes it, validates it with `envoy --mode validate`), balancer, agreement tests.
Shape: static resources only: the model is rendered again and the pod restarted when something changes.
Invariant: the admin interface, which can stop the process, listens where the caller says: loopback.
Errors: none here; the binary is the judge.
Source: Envoy 1.40 bootstrap reference.
"""

import json

from audifi.targets.envoy import clusters, listener
from audifi.targets.envoy.gateway import Address, Gateway, Json

CONNECTIONS_MAX = 10_000  # below the 20,000 files a process may hold (components.md 0), two a request


def bootstrap(gateway: Gateway) -> Json:
    """Return the API gateway's configuration as plain data."""
    resources = {"listeners": [listener.listener(gateway)], "clusters": clusters.clusters(gateway)}
    return document(gateway.pod, gateway.admin, resources, connections_max=CONNECTIONS_MAX)


def document(pod: str, admin: Address, resources: Json, *, connections_max: int) -> Json:
    """Return what every Envoy of ours starts from."""
    return {
        "node": {"id": pod, "cluster": pod.rpartition("-")[0]},
        "admin": {"address": {"socket_address": {"address": admin.host, "port_value": admin.port}}},
        "static_resources": resources,
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors."
                        "downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": connections_max,
                    },
                }
            ]
        },
    }


def render(gateway: Gateway) -> str:
    """Return the API gateway's configuration as Envoy reads it."""
    return text(bootstrap(gateway))


def text(document: Json) -> str:
    """Return a configuration as Envoy reads it."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
