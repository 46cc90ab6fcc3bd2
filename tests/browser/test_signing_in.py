"""A page of the application signs a person in, keeps them signed in, and signs them out; another site's page cannot.

Between: Chromium's cookies, SameSite and CORS; the gateway's CORS and auth-service's CSRF rule.
Source: domain.md 4 "Refresh token", "CSRF"; 5.7.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from tests.browser.chromium import ASK_AGAIN_S, LIMITED_S, Browser, Sent, Tab
from tests.browser.conftest import Site
from tests.system.visitors import Visitors, new_email

from audifi.local.waiting import NotReady, wait_for
from audifi.wire import headers

LOGOUT = "/v1/auth/logout"


async def signed_in(browser: Browser, site: Site) -> tuple[Tab, str]:
    """A tab at the application that followed a link from the mail, and its access token."""
    tab, email = await browser.open(site.url("app", "/")), new_email()
    asked = await tab.post(site.api("/auth/magic-link"), {"email": email})
    assert asked.status == 200, asked
    token = await Visitors(site.platform).token_for(email)
    verified = await tab.post(site.api("/auth/verify-magic-link"), {"token": token})
    assert verified.status == 200, verified
    profile = await tab.fetch(site.api("/user/profile"), headers=_bearer(verified.body["accessToken"]))
    assert (profile.status, profile.body["data"]["email"]) == (200, email)
    return tab, verified.body["accessToken"]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def foreign_page() -> AsyncGenerator[str]:
    """The address of a page that is not ours: another origin, another site."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Not AudiFi</title>", content_type="text/html")

    pages = web.Application()
    pages.router.add_get("/", page)
    runner = web.AppRunner(pages)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://localhost:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.asyncio
async def test_a_page_signs_in_stays_signed_in_and_signs_out(browser: Browser, site: Site) -> None:
    tab, access = await signed_in(browser, site)
    before = await browser.stored_cookies()
    kept = before["refresh_token"]
    assert (kept["httpOnly"], kept["secure"], kept["sameSite"]) == (True, True, "Strict")
    seen = await tab.cookies()
    assert set(seen) == {"csrf_token"}, "the page reads its CSRF token across app. and api., and no other cookie"

    renewed = await tab.post(site.api("/auth/refresh"), headers={headers.CSRF: seen["csrf_token"]})
    assert renewed.status == 200, renewed
    assert renewed.body["accessToken"] != access
    assert (await browser.stored_cookies())["refresh_token"]["value"] != kept["value"]
    assert not tab.complaints

    gone = await tab.post(site.api("/auth/logout"), headers=_bearer(renewed.body["accessToken"]))
    assert gone.status == 204, gone
    assert await browser.stored_cookies() == {}
    late = await tab.fetch(site.api("/user/profile"), headers=_bearer(renewed.body["accessToken"]))
    assert late.status == 401, late


@pytest.mark.asyncio
async def test_only_our_own_page_uses_the_session(browser: Browser, site: Site) -> None:
    tab, _ = await signed_in(browser, site)
    csrf = await tab.cookies()
    before = await browser.stored_cookies()

    forgot = await tab.post(site.api("/auth/refresh"))
    assert (forgot.status, forgot.code) == (403, "CSRF_FAILED")

    # A sibling is the same site, so the browser sends the cookie: only its Origin and the token tell it apart.
    sibling = await browser.open(site.url("studio", "/"))
    assert await tried_by(sibling, site, csrf["csrf_token"]) == Sent(LOGOUT, ("refresh_token", "csrf_token"), 403)

    async with foreign_page() as address:
        foreign = await browser.open(address)
        assert await tried_by(foreign, site, csrf["csrf_token"]) == Sent(LOGOUT, (), 401), "SameSite=Strict"

    assert await browser.stored_cookies() == before
    renewed = await tab.post(site.api("/auth/refresh"), headers={headers.CSRF: csrf["csrf_token"]})
    assert renewed.status == 200, "the session is as it was"


async def tried_by(tab: Tab, site: Site, csrf: str) -> Sent:
    """What became of a sign-out by a page that may not: the request that needs no leave of CORS, and carries nothing
    but cookies. The one with a header asks for leave first, and is not even sent.
    """
    asked = await tab.post(site.api("/auth/refresh"), headers={headers.CSRF: csrf})
    assert "Failed to fetch" in asked.refused

    async def ask() -> Sent:
        await tab.fetch(site.api("/auth/logout"), method="POST", mode="no-cors")
        answer = await tab.answered(LOGOUT)
        if answer.status == 429:
            raise NotReady(f"{answer}")
        return answer

    return await wait_for(ask, within_s=LIMITED_S, saying="a sign-out is answered", every_s=ASK_AGAIN_S)
