"""Run the Redis Cluster: three masters that own the design's slot ranges, and a replica of each.

Between: topology.stores.redis_cluster (ranges, time-outs) and services.
Shape: pods 1-3 own slots 0-5460, 5461-10922, 10923-16383 in this order; pod 4 follows 1, 5 follows 2, 6 follows 3,
until a failover swaps a pair.
Invariant: formed once; afterwards every node remembers the others in nodes.conf, and their ports stay (local.ports),
so that a full restart heals by itself. Losing a master and its replica stops that range only.
Units: node time-out ms.
Errors: NotReady until every node sees a whole cluster and every replica is linked.
Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/; measured: components.md 3.
"""

from functools import partial
from pathlib import Path
from typing import Final

from audifi.local.components import JobSpec, PodSpec
from audifi.local.components.redis_server import answers, ask, command, write_settings
from audifi.local.ports import LOOPBACK
from audifi.local.resolution import accepted, port, ports, secret
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology

NAME: Final = "redis-cluster"
SLOTS: Final = 16384
SLOTS_FIELD: Final = 8


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    return tuple(_pod(instance, topology, name) for name in topology.component(NAME).pods)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    return (
        JobSpec(
            name=f"{NAME}:form",
            component=NAME,
            after=topology.component(NAME).pods,
            run=partial(_form, instance, topology),
        ),
    )


def _pod(instance: Instance, topology: Topology, name: str) -> PodSpec:
    settings = instance.config(name) / "redis.conf"
    numbers = ports(instance, topology, name, "redis", "bus")
    password = partial(secret, instance, topology, f"{NAME}-password")  # asked each time: it may be replaced
    return PodSpec(
        name=name,
        component=NAME,
        argv=command(settings),
        ports=numbers,
        prepare=partial(_prepare, instance, topology, name, settings),
        ready=partial(answers, numbers["redis"], password),
    )


def _prepare(instance: Instance, topology: Topology, name: str, settings: Path) -> None:
    declared = topology.stores.redis_cluster
    numbers = ports(instance, topology, name, "redis", "bus")
    write_settings(
        settings,
        port=numbers["redis"],
        passwords=accepted(instance, topology, f"{NAME}-password"),
        directory=instance.data(name),
        more={
            "appendfsync": declared.append_fsync,
            "maxmemory-policy": declared.eviction,
            "cluster-enabled": "yes",
            "cluster-port": numbers["bus"],
            "cluster-config-file": "nodes.conf",
            "cluster-node-timeout": declared.node_timeout_ms,
            "cluster-replica-validity-factor": declared.replica_validity_factor,
            "cluster-require-full-coverage": "no",
            "cluster-allow-replica-migration": "no",  # pairs stay pairs
        },
    )


async def _form(instance: Instance, topology: Topology) -> str:
    """Bring the cluster one step on; done when nothing is left to do."""
    nodes = _Nodes(instance, topology)
    if await nodes.are_strangers():
        await nodes.assign_slots()
        await nodes.meet()
    await nodes.check_acquainted()
    await nodes.follow()
    return await nodes.check_whole()


class _Nodes:
    """The nodes of one cluster, in the order of their pods."""

    def __init__(self, instance: Instance, topology: Topology) -> None:
        self._declared = topology.stores.redis_cluster
        self._password = secret(instance, topology, f"{NAME}-password")
        names = topology.component(NAME).pods
        self._ports = [port(instance, topology, name, "redis") for name in names]
        self._buses = [port(instance, topology, name, "bus") for name in names]
        self._masters = self._ports[: self._declared.masters]

    async def _ask(self, number: int, *question: str | int) -> str:
        return str(await ask(number, self._password, *question))

    async def _info(self, number: int) -> dict[str, str]:
        # One "cluster_state:ok" a line.
        lines = (await self._ask(number, "CLUSTER", "INFO")).split()
        return {name: value for name, _, value in (line.partition(":") for line in lines)}

    async def are_strangers(self) -> bool:
        return (await self._info(self._ports[0]))["cluster_known_nodes"] == "1"

    async def assign_slots(self) -> None:
        ranges = sorted((tags.first_slot, tags.last_slot) for tags in self._declared.tags)
        for epoch, (number, (first, last)) in enumerate(zip(self._masters, ranges, strict=True), start=1):
            if (await self._info(number))["cluster_slots_assigned"] == "0":
                await self._ask(number, "CLUSTER", "ADDSLOTSRANGE", first, last)
                await self._ask(number, "CLUSTER", "SET-CONFIG-EPOCH", epoch)

    async def meet(self) -> None:
        for number, bus in zip(self._ports[1:], self._buses[1:], strict=True):
            await self._ask(self._ports[0], "CLUSTER", "MEET", LOOPBACK, number, bus)

    async def check_acquainted(self) -> None:
        for number in self._ports:
            known = (await self._info(number))["cluster_known_nodes"]
            if known != str(len(self._ports)):
                raise NotReady(f"node {number} knows {known} of {len(self._ports)} nodes")

    async def follow(self) -> None:
        """Make an empty master that owns no slot the replica of its pair."""
        ids = [await self._ask(number, "CLUSTER", "MYID") for number in self._ports]
        for place, number in enumerate(self._ports[len(self._masters) :]):
            role, *_ = await ask(number, self._password, "ROLE")
            if role == "master" and not await self._owns_slots(number):
                await self._ask(number, "CLUSTER", "REPLICATE", ids[place])

    async def _owns_slots(self, number: int) -> bool:
        # "<id> 127.0.0.1:20001@20002 myself,master - 0 0 1 connected 0-5460": slots from the ninth field on
        lines = (await self._ask(number, "CLUSTER", "NODES")).splitlines()
        return any("myself" in line and len(line.split()) > SLOTS_FIELD for line in lines)

    async def check_whole(self) -> str:
        for number in self._ports:
            info = await self._info(number)
            if info["cluster_state"] != "ok" or info["cluster_slots_ok"] != str(SLOTS):
                raise NotReady(f"node {number} sees {info['cluster_slots_ok']} of {SLOTS} slots served")
            role, *rest = await ask(number, self._password, "ROLE")
            if role == "slave" and rest[2] != "connected":
                raise NotReady(f"replica {number} is not linked yet: {rest[2]}")
        return f"{len(self._ports)} nodes, {SLOTS} slots served"
