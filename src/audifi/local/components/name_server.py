"""Answer for a rendered zone with a real name server, so that every record can be asked for.

Between: targets.dns (its zone file), drills.probes.names and tests (ask), and named.
Shape: one authoritative server on loopback, without recursion, control channel or a pid file; `audifi up` starts none.
Errors: MissingBinary when named is not installed; NotReady until the port accepts.
Source: named.conf(5) of BIND 9.18.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from audifi.local import spawning
from audifi.local.binaries import binary
from audifi.local.components import PodSpec
from audifi.local.files import make_directory, write_text
from audifi.local.ports import LOOPBACK
from audifi.local.probes import accepts
from audifi.local.state import Instance
from audifi.local.waiting import wait_for

READY_WITHIN_S: Final = 20.0
NAME = "name-server-1"
PORT = "dns"


def pod(instance: Instance, zone: str, zone_text: str) -> PodSpec:
    """The server of that zone."""
    number = instance.ports.of(NAME, PORT)
    return PodSpec(
        name=NAME,
        component="name-server",
        argv=(str(binary("named")), "-f", "-4", "-n", "1", "-c", str(instance.config(NAME) / "named.conf")),
        ports={PORT: number},
        prepare=partial(_prepare, instance, zone, zone_text),
        ready=partial(accepts, number),
        stop_grace_s=5,
    )


@asynccontextmanager
async def serving(directory: Path, zone: str, zone_text: str) -> AsyncGenerator[int]:
    """Answer for this zone during the block, on the port that is yielded."""
    instance = Instance.at(directory / "instance")
    instance.create()
    make_directory(instance.logs)
    server = pod(instance, zone, zone_text)
    server.prepare()
    child = spawning.start(instance, server)
    try:
        await wait_for(server.ready, within_s=READY_WITHIN_S, saying="the name server answers")
        yield server.ports[PORT]
    finally:
        child.send(server.stop_signal)
        await child.exited()


def configuration(instance: Instance, zone: str) -> str:
    """named.conf."""
    directory = instance.config(NAME)
    port = instance.ports.of(NAME, PORT)
    return f"""\
options {{
    directory "{directory}";
    pid-file none;
    session-keyfile none;
    listen-on port {port} {{ {LOOPBACK}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    notify no;
}};
controls {{ }};
zone "{zone}" {{ type primary; file "zone"; }};
"""


def _prepare(instance: Instance, zone: str, zone_text: str) -> None:
    directory = make_directory(instance.config(NAME))
    write_text(directory / "named.conf", configuration(instance, zone))
    write_text(directory / "zone", zone_text)
