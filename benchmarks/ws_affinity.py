"""What does each way to a WebSocket pod cost: straight, by a ticket that names the pod, by the balancer's cookie?

Between: affinity/pod.py (in the place of ws-gateway-1), the edge and the balancers as `audifi up` starts them,
affinity/viewers.py and results/benchmarks/ws_affinity.json.
Shape: three ways, turn by turn: `straight` to the pod without TLS, `ticket` through the edge, `cookie` through edge and
Envoy. Each opens VIEWERS sockets, then the pod sends everybody a message of a tally's size every EVERY_MS.
What is counted: handshakes per second and CPU per handshake; CPU per message of the pod, the edge and the balancers;
delays as the viewers' process sees them, its own work included.
What this does not say: what a CDN costs. Here the edge is nginx on the same two cores.
Units: µs CPU; ms; sockets per second.
Source: docs/decisions/0046-the-ticket-names-the-pod.md.
"""

import asyncio
import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import picows
import uvloop

from audifi.local import probes, resolution, spawning
from audifi.local.certificates import authority_directory
from audifi.local.components import PodSpec, edge, ws_balancer
from audifi.local.files import remove_tree
from audifi.local.room import raise_file_limit
from audifi.local.state import Instance
from audifi.local.waiting import wait_for
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology
from benchmarks.affinity.pod import BYTES, CONTROL
from benchmarks.affinity.viewers import Way, connect, watching
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.processes import cpu_us, family
from benchmarks.harness.result import ROOT, spread, write

VIEWERS: Final = 300
EVERY_MS: Final = 50
POD: Final = "ws-gateway-1"
SESSION: Final = "/vstudio/00000000-0000-4000-8000-000000000001"
STARTS_WITHIN_S: Final = 20.0
HEARD_WITHIN_S: Final = 30.0
BEHIND: Final = {"straight": (), "ticket": ("edge",), "cookie": ("edge", "ws-balancer")}


@dataclass(frozen=True)
class Round:
    """What one way did once."""

    handshakes_per_s: float
    handshake_us: float
    message_us: float  # of all programs between
    pod_us: float
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        cpu = f"{self.message_us:.1f} + {self.pod_us:.1f} µs"
        return f"{self.handshakes_per_s:.0f} sockets/s, {cpu}, p99 {self.p99_ms:.1f} ms"


@dataclass(frozen=True)
class Stage:
    """What runs."""

    ways: dict[str, Way]
    pids: dict[str, list[int]]  # by component
    pod_url: str

    def between(self, way: str) -> list[int]:
        return [pid for component in BEHIND[way] for pid in self.pids[component]]


def _pod(instance: Instance, topology: Topology) -> PodSpec:
    port = resolution.port(instance, topology, POD, "http")

    async def ready() -> str:
        return await probes.http_get(port, "/ready")

    return PodSpec(
        name=POD,
        component="ws-gateway",
        argv=(sys.executable, "-m", "benchmarks.affinity.pod", str(port)),
        ready=ready,
        ports={"http": port},
        cwd=ROOT,
    )


@asynccontextmanager
async def staged() -> AsyncGenerator[Stage]:
    """Start one pod, both balancers and the edge; stop them afterwards."""
    instance, topology = Instance.at(ROOT / ".audifi" / "bench-affinity"), platform("local")
    remove_tree(instance.path)  # of a run that failed: its ports may be somebody else's by now
    instance.create()
    for name in ("https", "http"):
        instance.ports.of("edge-1", name)  # allocated: 443 belongs to whoever runs `audifi up`
    running: list[spawning.Child] = []
    pids: dict[str, list[int]] = {}
    try:
        for spec in (_pod(instance, topology), *ws_balancer.pods(instance, topology), *edge.pods(instance, topology)):
            spec.prepare()
            running.append(spawning.start(instance, spec))
            await wait_for(spec.ready, within_s=STARTS_WITHIN_S, saying=f"{spec.name} ready")
            pids.setdefault(spec.component, []).extend(_lasting(running[-1].pid))
        yield Stage(_ways(instance, topology), pids, f"ws://127.0.0.1:{instance.ports.of(POD, 'http')}")
        remove_tree(instance.path)  # after a failure the logs stay
    finally:
        for child in reversed(running):
            child.kill_group()
            await child.exited()


def _lasting(root: int) -> list[int]:
    """A process and its descendants, less nginx's cache loader, which ends a minute after the start."""
    return [pid for pid in family(root) if b"cache loader" not in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _ways(instance: Instance, topology: Topology) -> dict[str, Way]:
    trusted = ssl.create_default_context(cafile=str(authority_directory(instance.path) / "ca.pem"))
    public = resolution.public_url(instance, topology, "ws").replace("https", "wss", 1)
    https, straight = instance.ports.of("edge-1", "https"), instance.ports.of(POD, "http")
    return {
        "straight": Way(f"ws://127.0.0.1:{straight}{SESSION}", straight, None),
        "ticket": Way(f"{public}/p/1{SESSION}", https, trusted),
        "cookie": Way(f"{public}{SESSION}", https, trusted),
    }


async def once(stage: Stage, name: str, seconds: float) -> Round:
    """Open everybody, send to everybody, close everybody."""
    rounds = round(seconds * 1000 / EVERY_MS)
    between, pod = stage.between(name), stage.pids["ws-gateway"]
    before = cpu_us([*between, *pod])
    async with watching(stage.ways[name], VIEWERS) as (audience, rate):
        handshake = (cpu_us([*between, *pod]) - before) / VIEWERS
        audience.wanted = rounds * VIEWERS
        control, _ = await connect(picows.WSListener, stage.pod_url + CONTROL.decode())
        before_between, before_pod = cpu_us(between), cpu_us(pod)
        control.send(picows.WSMsgType.TEXT, f"go {rounds} {EVERY_MS}".encode())
        await asyncio.wait_for(audience.heard.wait(), seconds + HEARD_WITHIN_S)
        spent = [(cpu_us(between) - before_between), (cpu_us(pod) - before_pod)]
        control.disconnect()
    cuts = quantiles(audience.delays_ms, n=100)
    return Round(rate, handshake, spent[0] / audience.wanted, spent[1] / audience.wanted, cuts[49], cuts[98])


def figures(found: dict[str, list[Round]]) -> dict[str, Any]:
    """Each way, and what a message costs in all beside the straight one."""
    total = {name: [each.message_us + each.pod_us for each in rounds] for name, rounds in found.items()}
    return {
        name: {
            "handshakes_per_s": spread([each.handshakes_per_s for each in rounds], digits=0),
            "handshake_cpu_us": spread([each.handshake_us for each in rounds], digits=0),
            "message_cpu_us_between": spread([each.message_us for each in rounds]),
            "message_cpu_us_pod": spread([each.pod_us for each in rounds]),
            "message_cpu_of_straight": spread(ratios(total[name], total["straight"]), digits=2),
            "delay_ms_p50": spread([each.p50_ms for each in rounds]),
            "delay_ms_p99": spread([each.p99_ms for each in rounds]),
        }
        for name, rounds in found.items()
    }


async def measured(arguments: Arguments) -> dict[str, Any]:
    raise_file_limit()
    async with staged() as stage:

        def turn(name: str) -> Any:
            return lambda: once(stage, name, arguments.seconds)

        return figures(await interleaved({name: turn(name) for name in BEHIND}, rounds=arguments.rounds, said=say))


def main() -> None:
    arguments = read(__doc__ or "", seconds=4, rounds=5)
    found = uvloop.run(measured(arguments))
    units = {
        "handshakes_per_s": f"sockets opened per second, {VIEWERS} of them",
        "handshake_cpu_us": "µs CPU per socket of pod, edge and balancers",
        "message_cpu_us_between": f"µs CPU per message of {BYTES} bytes of what stands in front of the pod",
        "message_cpu_us_pod": "µs CPU per message of the pod",
        "message_cpu_of_straight": "CPU per message in all, divided by the straight way's in the same turn",
        "delay_ms": f"ms from send to read, {VIEWERS} viewers, every {EVERY_MS} ms; the viewers' own work included",
    }
    versions = {"picows": version("picows")}
    say(str(write("ws_affinity", figures=found, units=units, seed=arguments.seed, versions=versions)))


if __name__ == "__main__":
    main()
