"""Kill a pod while it hands a mail over: the person gets the mail all the same, from another process.

Between: the SDK (asks for the link), the mail stand-in's knobs (hold the hand-over), kill -9, and the mailbox.
Why the hand-over is held: between the commit of a mail and its delivery lie milliseconds; held, they are long enough to
see which pod has it and to kill exactly that one.
Units: *_s seconds.
Source: docs/decisions/0023-mail-is-a-row.md.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import psutil
import pytest
from tests.system.conftest import Figure
from tests.system.visitors import Visitors, new_email

from audifi.local.held import Held
from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import SignedIn

HELD_MS = 120_000
AGAIN_WITHIN_S = 75.0  # the lease of the dead pod's postman (45 s), a poll (1 s), and a busy machine


@pytest.mark.asyncio
async def test_a_mail_that_a_killed_pod_was_sending_arrives_once(
    people: Visitors, platform: Held, figure: Figure
) -> None:
    email, person = new_email(), await people.guest()
    async with held_mail(platform):
        await person.auth.request_link(email)
        pod, pid = await wait_for(
            lambda: sender(platform), within_s=15, saying="an auth pod hands the mail to the server"
        )
        assert await mails(platform, email) == [], "nothing was delivered before the kill"
        os.kill(pid, signal.SIGKILL)
    killed_s = asyncio.get_running_loop().time()
    arrived = await wait_for(
        lambda: at_least_one(platform, email),
        within_s=AGAIN_WITHIN_S,
        saying=f"the mail {pod} held arrives",
    )
    figure("auth pod killed while sending: mail delivered after", asyncio.get_running_loop().time() - killed_s, "s")
    assert len({mail["messageId"] for mail in arrived}) == 1, "a second delivery would carry the same Message-ID"
    outcome = await person.auth.verify(await people.token_for(email))
    assert isinstance(outcome, SignedIn)
    assert len({mail["messageId"] for mail in await mails(platform, email) if "verify?token" in mail["text"]}) == 1


async def sender(platform: Held) -> tuple[str, int]:
    """The auth pod that holds a connection to the mail server, and its process."""
    units, port = await platform.units(), platform.port("mail-1", "smtp")
    for pod in platform.topology.component("auth-service").pods:
        pid = units[pod]["pid"]
        if isinstance(pid, int) and any(
            each.raddr and each.raddr.port == port for each in psutil.Process(pid).net_connections("tcp")
        ):
            return pod, pid
    raise NotReady("no auth pod is connected to the mail server")


async def at_least_one(platform: Held, email: str) -> list[dict[str, Any]]:
    found = await mails(platform, email)
    if not found:
        raise NotReady("no mail")
    return found


async def mails(platform: Held, email: str) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{_stand_in(platform)}/messages", params={"to": email}) as got,
    ):
        found: list[dict[str, Any]] = (await got.json())["data"]
    return found


@asynccontextmanager
async def held_mail(platform: Held) -> AsyncGenerator[None]:
    """Let the mail server take each message, and its time."""
    url = f"{_stand_in(platform)}/faults"
    async with aiohttp.ClientSession() as http:
        async with http.put(url, json={"latency_ms": HELD_MS}) as reply:
            assert reply.status == 200, await reply.text()
        try:
            yield
        finally:
            async with http.delete(url) as reply:
                assert reply.status == 200


def _stand_in(platform: Held) -> str:
    return f"http://{LOOPBACK}:{platform.port('mail-1', 'http')}"
