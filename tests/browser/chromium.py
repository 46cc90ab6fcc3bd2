"""Run Debian's Chromium as a person would on this machine: a home of its own, and trust in the local authority.

The local authority is put where `./audifi trust --install` would leave it for a browser, into the NSS database below
HOME. Certificates are verified as always: --ignore-certificate-errors would make every test of TLS an empty one.

Between: tests/browser/conftest.py (starts it) and the tests (open tabs, fetch from their pages).
Invariant: no /etc/hosts, no proxy, no flag that weakens the web: names below .localhost, cookies, CORS and CSP are the
browser's own affair. The profile is new for every test.
Units: *_ms milliseconds.
Errors: playwright's own, with the log of the call.
Source: RFC 6761 6.3 (localhost names); playwright.dev "Browser contexts".
"""

import json
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Page, async_playwright

from audifi.local.waiting import NotReady, wait_for

PATIENCE_S: Final = 30.0
LIMITED_S: Final = 90.0  # every browser here comes from 127.0.0.1: ten sign-in requests a minute for all of them
ASK_AGAIN_S: Final = 15.0
PATIENCE_MS: Final = 30_000  # two cores run the platform and the browser
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")  # Debian's, then what else machines have
FLAGS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Reads a reply whole; what the browser forbids is a value too, so that a test can ask for it.
FETCH: Final = """async ([url, options]) => {
    try {
        const reply = await fetch(url, {credentials: "include", ...options});
        const text = await reply.text();
        return {status: reply.status, body: text ? JSON.parse(text) : null, refused: ""};
    } catch (error) {
        return {status: 0, body: null, refused: String(error)};
    }
}"""


@dataclass(frozen=True)
class Reply:
    """What a page's script got; `refused` when the browser kept it away (status 0)."""

    status: int
    body: Any
    refused: str

    @property
    def code(self) -> str:
        """The error's code, or nothing."""
        return str(self.body["error"]["code"]) if self.body and "error" in self.body else ""


@dataclass
class Sent:
    """One request as it left the browser, and how it was answered, also where the page may not know."""

    path: str = ""
    cookies: tuple[str, ...] = ()
    status: int = 0


@dataclass
class Tab:
    """One page, what the browser complained about on its console, and what it sent."""

    page: Page
    complaints: list[str] = field(default_factory=list[str])
    requests: dict[str, Sent] = field(default_factory=dict[str, Sent])

    async def watch(self, context: BrowserContext) -> None:
        """Listen before the first request. Playwright's own view of a request lacks the cookies of opaque ones."""
        self.page.on("console", self.hear)
        self.page.on("pageerror", self.hear_error)
        session: Any = await context.new_cdp_session(self.page)  # half typed
        session.on("Network.requestWillBeSentExtraInfo", self._left)
        session.on("Network.responseReceivedExtraInfo", self._answered)
        await session.send("Network.enable")

    def _left(self, event: dict[str, Any]) -> None:
        sent = [kept["cookie"]["name"] for kept in event["associatedCookies"] if not kept["blockedReasons"]]
        request = self.requests.setdefault(event["requestId"], Sent())
        request.path, request.cookies = event["headers"].get(":path", ""), tuple(sent)

    def _answered(self, event: dict[str, Any]) -> None:
        self.requests.setdefault(event["requestId"], Sent()).status = int(event["statusCode"])

    async def answered(self, path: str) -> Sent:
        """The last request to this path, once it has an answer."""

        async def look() -> Sent:
            found = [request for request in self.requests.values() if request.path == path and request.status]
            if not found:
                raise NotReady(f"{list(self.requests.values())}")
            return found[-1]

        return await wait_for(look, within_s=PATIENCE_S, saying=f"an answer from {path}")

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def hear_error(self, error: Error) -> None:
        self.complaints.append(f"uncaught: {error}")

    async def post(self, url: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Reply:
        """POST as the page's script would, with its cookies; when there were too many, ask again as a person would."""
        options: dict[str, object] = {
            "method": "POST",
            "headers": {"Content-Type": "application/json", **(headers or {})},
        }
        content = json.dumps(body if body is not None else {})

        async def ask() -> Reply:
            reply = await self.fetch(url, body=content, **options)
            if reply.code == "RATE_LIMITED":
                raise NotReady(f"{reply}")
            return reply

        return await wait_for(ask, within_s=LIMITED_S, saying=f"POST {url}", every_s=ASK_AGAIN_S)

    async def fetch(self, url: str, **options: object) -> Reply:
        return Reply(**await self.page.evaluate(FETCH, [url, options]))

    async def cookies(self) -> dict[str, str]:
        """What the page's script sees."""
        text: str = await self.page.evaluate("document.cookie")
        return dict(pair.split("=", 1) for pair in text.split("; ") if pair)


@dataclass
class Browser:
    """One profile."""

    context: BrowserContext

    async def open(self, url: str) -> Tab:
        tab = Tab(await self.context.new_page())
        await tab.watch(self.context)
        await tab.page.goto(url)
        return tab

    async def stored_cookies(self) -> dict[str, dict[str, Any]]:
        """Every cookie the browser keeps, also those no script sees, by name."""
        return {str(cookie.get("name")): dict(cookie) for cookie in await self.context.cookies()}


def binary() -> str | None:
    """Where the browser is, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _trust(home: Path, authority: Path) -> None:
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    place = ["-d", f"sql:{database}"]
    subprocess.run(["certutil", "-N", "--empty-password", *place], check=True)
    subprocess.run(["certutil", "-A", "-n", "audifi", "-t", "C,,", "-i", str(authority), *place], check=True)


@asynccontextmanager
async def chromium(home: Path, *, trusting: Path | None = None) -> AsyncGenerator[Browser]:
    """Run a browser with this home; without `trusting` it knows no more than the web's authorities."""
    program = binary()
    assert program is not None, "the fixture has asked"
    if trusting is not None:
        _trust(home, trusting)
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # its sandbox refuses root
    async with async_playwright() as player:
        context = await player.chromium.launch_persistent_context(
            home / "profile",
            executable_path=program,
            headless=True,
            args=[*FLAGS, *as_root],
            env={"HOME": str(home), "PATH": os.defpath},
        )
        context.set_default_timeout(PATIENCE_MS)
        context.set_default_navigation_timeout(PATIENCE_MS)
        try:
            yield Browser(context)
        finally:
            await context.close()
