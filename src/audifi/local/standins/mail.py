"""Stand in for the mail provider: take mail by SMTP, keep it, show it over HTTP, and misbehave on request.

    python -m audifi.local.standins.mail --smtp PORT --http PORT --directory DIR

Between: whoever sends mail (SMTP), `audifi mail`, tests and drills (HTTP on loopback).
Shape: GET /messages?to=&after=&limit= → {"data": [{id, receivedAt, from, to, subject, text, html, links}]}, oldest
first; GET /messages/{id}; DELETE /messages; GET, PUT, DELETE /faults (see Faults); GET /health.
Invariant: it knows nothing of our mail client and is not known by it; a message is kept before it is acknowledged.
Units: *_ms milliseconds, *_rate 0 to 1.
Errors: a wrong fault is answered 400 with what is wrong.
Source: RFC 5321 (reply codes); domain.md 2.7 (mails).
"""

import argparse
import asyncio
import datetime as dt
import json
import random
import re
from collections import deque
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any, cast

import msgspec
import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HOST = "127.0.0.1"
KEPT_MAX = 5000  # the newest; an hour of a busy test run
LIMIT_MAX = 500
MESSAGE_BYTES_MAX = 10 * 1024 * 1024
LINK = re.compile(r"https?://[^\s<>\"')\]]+")
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """How it misbehaves; all zero: not at all."""

    latency_ms: int = 0  # before the message is answered
    reject_rate: float = 0.0
    reject_code: int = 451  # 4xx: try again later; 5xx: never
    drop_rate: float = 0.0  # the connection is cut
    drop_after_keeping: bool = False  # cut after the message was kept: the sender cannot know
    seed: int = 0

    def problem(self) -> str | None:
        """Say what is wrong with these numbers."""
        if not (0 <= self.reject_rate <= 1 and 0 <= self.drop_rate <= 1):
            return "reject_rate and drop_rate lie between 0 and 1"
        if not 400 <= self.reject_code <= 599:  # RFC 5321's range of refusals
            return "reject_code lies between 400 and 599"
        return None if self.latency_ms >= 0 else "latency_ms is not negative"


@dataclass
class Mailbox:
    """What arrived, newest last, and how to misbehave."""

    file: Path
    messages: deque[dict[str, Any]] = field(default_factory=lambda: deque[dict[str, Any]](maxlen=KEPT_MAX))
    faults: Faults = field(default_factory=Faults)
    dice: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311  # dice
    last_id: int = 0

    def load(self) -> None:
        """Read what an earlier process kept; a line cut short by a crash was never acknowledged."""
        if not self.file.exists():
            return
        for line in self.file.read_text().splitlines():
            try:
                message = cast("dict[str, Any]", json.loads(line))
            except json.JSONDecodeError:
                continue
            self.messages.append(message)
            self.last_id = max(self.last_id, int(message["id"]))

    def keep(self, message: dict[str, Any]) -> None:
        """Number the message, write it down, then show it."""
        self.last_id += 1
        numbered = {"id": self.last_id, **message}
        with self.file.open("a") as file:
            file.write(json.dumps(numbered) + "\n")
        self.messages.append(numbered)

    def clear(self) -> None:
        """Forget everything but the numbering."""
        self.messages.clear()
        self.file.write_text("")


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def parsed(envelope_from: str, recipients: list[str], content: bytes) -> dict[str, Any]:
    """Return a message as it is shown."""
    message = BytesParser(policy=SMTP_POLICY).parsebytes(content)
    text, html = _part(message, "plain"), _part(message, "html")
    return {
        "receivedAt": dt.datetime.now(dt.UTC).strftime(TIME_FORMAT),
        "from": str(message["From"] or envelope_from),
        "to": recipients,
        "subject": str(message["Subject"] or ""),
        "messageId": str(message["Message-ID"] or ""),
        "text": text,
        "html": html,
        "links": list(dict.fromkeys(LINK.findall(text) or LINK.findall(html))),
    }


class Receiver:
    """What aiosmtpd calls for each message (its names)."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message, unless a fault is due."""
        del session
        mailbox = self._mailbox
        faults, dice = mailbox.faults, mailbox.dice
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        drops = dice.random() < faults.drop_rate
        if drops and not faults.drop_after_keeping:
            return self._cut(server)
        if dice.random() < faults.reject_rate:
            return f"{faults.reject_code} refused on request"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mailbox.keep(parsed(envelope.mail_from or "", list(envelope.rcpt_tos), content))
        return self._cut(server) if drops else "250 OK"

    def _cut(self, server: SMTP) -> str:
        if isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "421 connection cut on request"


def _application(mailbox: Mailbox) -> Starlette:
    async def health(_: Request) -> Response:
        return JSONResponse({"status": "healthy", "messages": len(mailbox.messages)})

    async def messages(request: Request) -> Response:
        query = request.query_params
        to, after = query.get("to", "").lower(), int(query.get("after", "0"))
        limit = min(int(query.get("limit", "100")), LIMIT_MAX)
        found = [
            message
            for message in mailbox.messages
            if message["id"] > after and (not to or to in (each.lower() for each in message["to"]))
        ]
        return JSONResponse({"data": found[-limit:]})

    async def message(request: Request) -> Response:
        wanted = request.path_params["id"]
        found = next((each for each in mailbox.messages if each["id"] == wanted), None)
        return JSONResponse(found) if found else JSONResponse({"error": f"there is no message {wanted}"}, 404)

    async def clear(_: Request) -> Response:
        mailbox.clear()
        return Response(status_code=204)

    async def set_faults(request: Request) -> Response:
        try:
            faults = msgspec.json.decode(await request.body(), type=Faults)
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, 400)
        if problem := faults.problem():
            return JSONResponse({"error": problem}, 400)
        mailbox.faults, mailbox.dice = faults, random.Random(faults.seed)  # noqa: S311  # dice
        return JSONResponse(msgspec.to_builtins(faults))

    async def show_faults(_: Request) -> Response:
        return JSONResponse(msgspec.to_builtins(mailbox.faults))

    async def clear_faults(_: Request) -> Response:
        mailbox.faults = Faults()
        return JSONResponse(msgspec.to_builtins(mailbox.faults))

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/messages", messages, methods=["GET"]),
            Route("/messages", clear, methods=["DELETE"]),
            Route("/messages/{id:int}", message),
            Route("/faults", show_faults, methods=["GET"]),
            Route("/faults", set_faults, methods=["PUT"]),
            Route("/faults", clear_faults, methods=["DELETE"]),
        ],
        # A page on the internet must not read mail by pointing a name of its own at us.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


@dataclass(frozen=True)
class Options:
    """Where it listens and where it keeps what arrives."""

    smtp: int
    http: int
    directory: Path


async def serve(options: Options) -> None:
    """Serve until told to stop."""
    mailbox = Mailbox(options.directory / "messages.jsonl")
    mailbox.load()
    loop = asyncio.get_running_loop()
    receiver = Receiver(mailbox)
    smtp = await loop.create_server(
        lambda: SMTP(receiver, data_size_limit=MESSAGE_BYTES_MAX, enable_SMTPUTF8=True, hostname="mail", loop=loop),
        HOST,
        options.smtp,
    )
    settings = uvicorn.Config(_application(mailbox), host=HOST, port=options.http, log_level="warning")
    server = uvicorn.Server(settings)
    try:
        await server.serve()  # returns on SIGTERM and SIGINT
    finally:
        smtp.close()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description="mail stand-in")
    parser.add_argument("--smtp", type=int, required=True)
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    found = parser.parse_args()
    asyncio.run(serve(Options(found.smtp, found.http, found.directory)))


if __name__ == "__main__":
    main()
