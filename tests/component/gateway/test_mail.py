"""The mail stand-in keeps what it acknowledged, and misbehaves exactly as told."""

import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from audifi.cli.mail import latest
from audifi.local import spawning
from audifi.local.components import PodSpec, mail
from audifi.local.errors import LocalError
from audifi.local.state import Instance
from audifi.local.waiting import wait_for
from audifi.topology.model.whole import Topology

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADA = "ada@example.org"


class Post:
    """The running stand-in."""

    def __init__(self, instance: Instance, spec: PodSpec, session: aiohttp.ClientSession) -> None:
        self.spec, self.session, self.instance = spec, session, instance
        self.child: spawning.Child | None = None

    async def start(self) -> None:
        self.child = spawning.start(self.instance, self.spec)
        await wait_for(self.spec.ready, within_s=20, saying="mail-1 ready")

    async def kill(self) -> None:
        if self.child is not None:
            self.child.kill_group()
            await self.child.exited()

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.session.request(
            method, f"http://127.0.0.1:{self.spec.ports['http']}{path}", **options
        ) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else None

    def send(self, to: str = ADA, subject: str = "Your sign-in link") -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "AudiFi <no-reply@audifi.io>", to, subject
        message.set_content("Zoë, open https://app.audifi.localhost/auth/verify?token=abc-_1 within 15 minutes.\n")
        message.add_alternative(
            "<a href='https://app.audifi.localhost/auth/verify?token=abc-_1'>open</a>", subtype="html"
        )
        with smtplib.SMTP("127.0.0.1", self.spec.ports["smtp"], timeout=10) as client:
            client.send_message(message)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(instance: Instance, topology: Topology) -> AsyncIterator[Post]:
    async with aiohttp.ClientSession() as session:
        found = Post(instance, mail.pods(instance, topology)[0], session)
        await found.start()
        yield found
        await found.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def post(running: Post) -> Post:
    """The stand-in, empty and well-behaved."""
    await running.ask("DELETE", "/messages")
    await running.ask("DELETE", "/faults")
    return running


async def test_mail_is_shown_with_its_link(post: Post) -> None:
    post.send()
    post.send("other@example.org", "Grüße")
    _, found = await post.ask("GET", f"/messages?to={ADA}")
    assert [each["subject"] for each in found["data"]] == ["Your sign-in link"]
    message = latest(post.instance, ADA)
    assert message["links"] == ["https://app.audifi.localhost/auth/verify?token=abc-_1"]
    assert message["text"].startswith("Zoë")
    assert latest(post.instance, None)["subject"] == "Grüße"
    with pytest.raises(LocalError, match="no mail to nobody@"):
        latest(post.instance, "nobody@example.org")


async def test_acknowledged_mail_survives_the_process(post: Post) -> None:
    post.send()
    before = latest(post.instance, ADA)
    await post.kill()
    await post.start()
    assert latest(post.instance, ADA) == before


async def test_refusals_on_request(post: Post) -> None:
    for code in (451, 550):
        assert (await post.ask("PUT", "/faults", json={"reject_rate": 1.0, "reject_code": code}))[0] == 200
        with pytest.raises(smtplib.SMTPDataError) as caught:
            post.send()
        assert caught.value.smtp_code == code
    await post.ask("DELETE", "/faults")
    post.send()


@pytest.mark.parametrize("after_keeping", [True, False])
async def test_cut_connections_on_request(post: Post, after_keeping: bool) -> None:
    await post.ask("PUT", "/faults", json={"drop_rate": 1.0, "drop_after_keeping": after_keeping})
    with pytest.raises((smtplib.SMTPServerDisconnected, smtplib.SMTPDataError, ConnectionError)):
        post.send()
    await post.ask("DELETE", "/faults")
    _, found = await post.ask("GET", "/messages")
    assert len(found["data"]) == int(after_keeping)


@pytest.mark.parametrize("wrong", [{"reject_rate": 2}, {"reject_code": 250}, {"latency_ms": -1}, {"unknown": 1}, []])
async def test_wrong_faults_are_refused(post: Post, wrong: Any) -> None:
    status, answer = await post.ask("PUT", "/faults", json=wrong)
    assert status == 400
    assert answer["error"]


async def test_another_name_is_not_served(post: Post) -> None:
    assert (await post.ask("GET", "/messages", headers={"Host": "evil.example"}))[0] == 400
