"""Ask Patroni who is primary, and tell it a parameter of PostgreSQL.

Between: recovery.postgres and Patroni's REST interface of every pod (components.postgres).
Invariant: a parameter is told to the cluster, not to a pod: it survives failovers.
Errors: NotReady without a primary, or when Patroni does not answer.
Source: https://patroni.readthedocs.io/en/latest/rest_api.html (4.1: GET /patroni, PATCH /config).
"""

import asyncio
import base64
import http.client
import json
from typing import Any

from audifi.local.ports import LOOPBACK
from audifi.local.probes import ANSWER_WITHIN_S, http_json
from audifi.local.resolution import port, secret
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology


async def member(instance: Instance, topology: Topology, pod: str) -> dict[str, Any]:
    """What Patroni says of its pod: role, state, timeline, …"""
    return await http_json(port(instance, topology, pod, "rest"), "/patroni")


async def primary(instance: Instance, topology: Topology) -> str:
    """The pod that takes writes."""
    for pod in topology.component("postgres").pods:
        try:
            found = await member(instance, topology, pod)
        except NotReady:
            continue
        if found.get("role") in {"primary", "master"} and found.get("state") == "running":
            return pod
    raise NotReady("no pod of postgres is primary now")


async def set_parameter(instance: Instance, topology: Topology, name: str, value: str) -> None:
    """Set a parameter that PostgreSQL takes without a restart, everywhere and until it is changed."""
    pod = await primary(instance, topology)
    told = json.dumps({"postgresql": {"parameters": {name: value}}})
    password = secret(instance, topology, "postgres-rest")
    await asyncio.to_thread(_patch, port(instance, topology, pod, "rest"), password, told)


def _patch(number: int, password: str, body: str) -> None:
    proof = base64.b64encode(f"patroni:{password}".encode()).decode()
    connection = http.client.HTTPConnection(LOOPBACK, number, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("PATCH", "/config", body, {"Authorization": f"Basic {proof}"})
        with connection.getresponse() as answer:
            text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"PATCH /config on {number}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise NotReady(f"PATCH /config on {number} answered {answer.status}: {text[:200]}")
