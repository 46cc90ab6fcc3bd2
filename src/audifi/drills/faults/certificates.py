"""Let the edge serve a certificate that ends in days, and take away whoever would renew it.

Between: drills.catalogue.certificates, local.certificates (makes it) and the edge (serves it after SIGHUP).
Units: *_days.
Invariant: what is planted is a good certificate of our own authority: nobody is refused because of it. It stays until
it is renewed, by the supervisor or by the next start of the edge.
Errors: TimedOut when the edge does not serve it.
Source: domain.md 5.2 (an alert below 14 days); ngx_core: SIGHUP loads certificates anew and drops no connection.
"""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from audifi.drills.drill import Scene
from audifi.drills.faults.processes import stopped
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.local import certificates, resolution
from audifi.local.components import edge
from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady, wait_for

LEFT_DAYS: Final = 5
SERVED_WITHIN_S: Final = 20.0


@asynccontextmanager
async def ends_soon(scene: Scene) -> AsyncGenerator[str]:
    """Serve a certificate of a few days."""
    stage = scene.stage
    hosts = edge.hosts(stage.topology)

    async def planted() -> float:
        # Again each time: whoever renews it may be faster than we look.
        certificates.plant(stage.instance.path, hosts.all, domain=hosts.apex, days=LEFT_DAYS)
        os.kill(_edge(stage), signal.SIGHUP)
        await asyncio.sleep(0.3)  # nginx starts its new workers
        found = await left_days(stage)
        if found > LEFT_DAYS:
            raise NotReady(f"it serves one of {found:.0f} days")
        return found

    found = await wait_for(planted, within_s=SERVED_WITHIN_S, saying="the edge serves the planted certificate")
    yield f"the edge's certificate ends in {found:.1f} days"


@asynccontextmanager
async def nobody_renews(scene: Scene) -> AsyncGenerator[str]:
    """Freeze the supervisor (a sabotage)."""
    state = scene.stage.instance.running()
    if state is None:
        raise Mismatch("nothing runs any more")
    async with stopped(scene.stage, "the supervisor is frozen", [state.supervisor]):
        yield "the supervisor, which renews certificates, is frozen"


async def left_days(stage: Stage) -> float:
    """How long the certificate is good that the edge shows to whoever asks for the API."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is looked at, not trusted
    number = resolution.port(stage.instance, stage.topology, edge.POD, "https")
    host = stage.topology.domain("api").host
    _, writer = await asyncio.open_connection(LOOPBACK, number, ssl=context, server_hostname=host)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    ends = x509.load_der_x509_certificate(shown).not_valid_after_utc
    return (ends - datetime.now(UTC)).total_seconds() / 86_400


def _edge(stage: Stage) -> int:
    """Nginx's main process; the supervisor, who knows it too, may be frozen."""
    return int((stage.instance.config(edge.POD) / "run" / "nginx.pid").read_text())
