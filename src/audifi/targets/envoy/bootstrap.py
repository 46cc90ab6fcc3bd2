"""Render the whole file Envoy starts from.

Between: local.components.api_gateway (writes it, validates it with `envoy --mode validate`), agreement tests.
Shape: static resources only: the model is rendered again and the pod restarted when something changes.
Invariant: the admin interface, which can stop the process, listens where the caller says: loopback.
Errors: none here; the binary is the judge.
Source: Envoy 1.40 bootstrap reference.
"""

import json

from audifi.targets.envoy import clusters, listener
from audifi.targets.envoy.gateway import Gateway, Json

CONNECTIONS_MAX = 10_000  # below the 20,000 files a process may hold (components.md 0), two a request


def bootstrap(gateway: Gateway) -> Json:
    """Return the configuration as plain data."""
    admin = {"address": gateway.admin.host, "port_value": gateway.admin.port}
    return {
        "node": {"id": gateway.pod, "cluster": "api-gateway"},
        "admin": {"address": {"socket_address": admin}},
        "static_resources": {
            "listeners": [listener.listener(gateway)],
            "clusters": clusters.clusters(gateway),
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors."
                        "downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": CONNECTIONS_MAX,
                    },
                }
            ]
        },
    }


def render(gateway: Gateway) -> str:
    """Return the configuration as Envoy reads it."""
    return json.dumps(bootstrap(gateway), indent=1, sort_keys=True) + "\n"
