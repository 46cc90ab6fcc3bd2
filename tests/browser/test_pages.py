"""A person opens the public addresses: no warning, no complaint on the console, readable on a phone.

Between: Chromium's names, certificates and CSP; the edge's pages and headers.
Source: domain.md 4 (headers, web CSP), 5.1-5.2 (hosts, redirect); WCAG 2.2 1.4.10 (320 pixels).
"""

from pathlib import Path

import pytest
from playwright.async_api import Error, ViewportSize
from tests.browser.chromium import Browser, chromium
from tests.browser.conftest import Site

from audifi.targets.nginx.pages import policy
from audifi.wire import headers

PHONE: ViewportSize = {"width": 320, "height": 640}
STRUCTURE = """() => ({
    language: document.documentElement.lang,
    landmarks: ["header", "main", "footer", "h1"].map(name => document.querySelectorAll(name).length),
    scripts: document.scripts.length,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
})"""
# Load an image from an address that the policy does not name.
FORBIDDEN = """() => new Promise(resolve => {
    document.addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
    document.body.appendChild(new Image()).src = "https://elsewhere.example/pixel.png";
})"""


@pytest.mark.asyncio
@pytest.mark.parametrize("domain", ["app", "apex", "studio"])
async def test_a_person_opens_the_address_and_reads_it(browser: Browser, site: Site, domain: str) -> None:
    tab = await browser.open(site.url(domain, "/"))
    await tab.page.set_viewport_size(PHONE)
    assert "AudiFi" in await tab.page.title()
    assert await tab.page.evaluate(STRUCTURE) == {
        "language": "en",
        "landmarks": [1, 1, 1, 1],
        "scripts": 0,
        "overflow": 0,
    }
    assert await tab.page.get_by_role("heading", name="Where the API is").is_visible()
    assert tab.complaints == []


@pytest.mark.asyncio
async def test_the_answer_carries_the_headers_and_the_browser_obeys_them(browser: Browser, site: Site) -> None:
    tab = await browser.open("about:blank")
    response = await tab.page.goto(site.url("app", "/"))
    assert response is not None
    sent = await response.all_headers()
    wanted = {**headers.SECURITY, "Content-Security-Policy": policy(site.edge)}
    assert {name: sent.get(name.lower()) for name in wanted} == wanted
    assert "server" not in sent
    assert tab.complaints == []
    assert await tab.page.evaluate(FORBIDDEN) == "img-src"


@pytest.mark.asyncio
async def test_http_leads_to_https(browser: Browser, site: Site) -> None:
    port = site.platform.port("edge-1", "http")
    host = site.edge.hosts.app
    tab = await browser.open(f"http://{host}:{port}/auth/verify?token=kept")
    assert tab.page.url == site.url("app", "/auth/verify?token=kept")
    assert tab.complaints == []


@pytest.mark.asyncio
async def test_a_wrong_address_is_answered_with_a_page(browser: Browser, site: Site) -> None:
    tab = await browser.open("about:blank")
    response = await tab.page.goto(site.url("apex", "/nowhere"))
    assert response is not None
    assert response.status == 404
    assert await tab.page.get_by_role("heading", name="There is no page at this address").is_visible()
    await tab.page.get_by_role("link", name="To the start page").click()
    await tab.page.wait_for_url(site.url("apex", "/"))


@pytest.mark.asyncio
async def test_a_browser_that_does_not_know_our_authority_refuses(site: Site, tmp_path: Path) -> None:
    """Without this, the tests above might pass in a browser that checks nothing."""
    async with chromium(tmp_path) as stranger:
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            await stranger.open(site.url("app", "/"))
