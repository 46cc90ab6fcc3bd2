"""Read and change what etcd holds for PostgreSQL's cluster: only a restore in place does.

Between: recovery.postgres.in_place and etcd's JSON gateway; Patroni's key names.
Invariant: `initialize` is set, never removed: without it an empty pod would start a new, empty cluster.
Errors: NotReady when etcd does not answer.
Source: etcd 3.4 gRPC gateway (/v3/kv/…, keys and values in base64); Patroni 4.1 (`/<namespace>/<scope>/…`).
"""

import base64
import json
from typing import Any, Final

from audifi.local import probes
from audifi.local.components.postgres import cluster_wide
from audifi.local.resolution import port
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology

PREFIX: Final = "/audifi/postgres/"
FORGOTTEN: Final = ("leader", "sync", "status", "history", "failover", "failsafe", "optime/leader")


async def hand_over(instance: Instance, topology: Topology, system_id: str) -> None:
    """Forget who was primary; know the cluster by its (restored) identity; keep its settings."""
    number = port(instance, topology, topology.component("etcd").pods[0], "client")
    changes = [{"requestDeleteRange": {"key": _encoded(PREFIX + name)}} for name in FORGOTTEN]
    changes.append(_put("initialize", system_id))
    found = await _asked(number, "range", {"key": _encoded(f"{PREFIX}config")})
    if not found.get("kvs"):
        changes.append(_put("config", json.dumps(cluster_wide(topology))))
    await _asked(number, "txn", {"success": changes})  # at once: nobody sees half of it


def _put(name: str, value: str) -> dict[str, Any]:
    return {"requestPut": {"key": _encoded(PREFIX + name), "value": _encoded(value)}}


async def _asked(number: int, verb: str, told: dict[str, Any]) -> dict[str, Any]:
    text = await probes.http_post(number, f"/v3/kv/{verb}", json.dumps(told))
    found: dict[str, Any] = json.loads(text)
    if "error" in found:
        raise NotReady(f"etcd answered {verb}: {found['error']}")
    return found


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
