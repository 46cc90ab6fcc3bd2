"""Render the pages that stand where the web application will be: small, honest, without scripts.

Between: configuration (writes them below html/), a person who opens the app's address.
Shape: one text per page around one frame; `files(edge)` is {path below the configuration directory: text}.
Invariant: the Content-Security-Policy of the pages is domain.md 4's web policy with this environment's addresses; a
page works without scripts, in 320 pixels of width, in light and dark, with 7:1 contrast of text.
Source: domain.md 1, 4 [X] (web CSP), 8; WCAG 2.2 1.4.6 (contrast), 1.4.10 (320 pixels).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from audifi.targets.envoy import replies as envoy_replies
from audifi.targets.nginx import replies
from audifi.targets.nginx.edge import Edge, Files

STYLE: Final = (
    ":root{color-scheme:light dark;--ink:#17171c;--soft:#45454f;--paper:#fff;--shade:#f1f0f6;--accent:#4b1fb3}"
    "@media(prefers-color-scheme:dark){"
    ":root{--ink:#f2f1f7;--soft:#c3c1cf;--paper:#131218;--shade:#22202b;--accent:#c9b6ff}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,'DejaVu Sans',sans-serif;"
    "overflow-wrap:anywhere}"
    "header,main,footer{max-width:42rem;margin:0 auto;padding:0 1.25rem}"
    "header{padding-top:2rem;font-weight:700;letter-spacing:.02em}"
    "header a{color:inherit;text-decoration:none}"
    "h1{font-size:clamp(1.6rem,6vw,2.25rem);line-height:1.2;margin:1.5rem 0 1rem}"
    "h2{font-size:1.15rem;margin:2rem 0 .5rem}"
    "p,ul,dl{margin:0 0 1rem}ul{padding-left:1.25rem}li{margin:.25rem 0}"
    "a{color:var(--accent)}a:focus-visible{outline:3px solid var(--accent);outline-offset:3px}"
    "code{background:var(--shade);border-radius:.25rem;padding:.1em .35em;font-size:.92em;"
    "-webkit-box-decoration-break:clone;box-decoration-break:clone}"
    "pre{background:var(--paper);border-radius:.25rem;padding:.75rem;margin:.75rem 0 0;white-space:pre-wrap}"
    "pre code{background:none;padding:0}"
    "dt{font-weight:600}dd{margin:0 0 .6rem}"
    ".lead{font-size:1.2rem;color:var(--soft)}"
    ".box{background:var(--shade);border-left:4px solid var(--accent);padding:1rem 1.25rem;margin:2rem 0}"
    ".box h2{margin-top:0}.box p{margin:0}.box p code{background:var(--paper)}"
    "footer{margin-top:3rem;padding-bottom:2.5rem;color:var(--soft);font-size:.95rem}"
)
ICON: Final = (  # without one, browsers ask for /favicon.ico
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%234b1fb3'/%3E"
    "%3Cpath d='M4 10V6m4 6V4m4 5V7' stroke='%23fff' stroke-width='1.6' stroke-linecap='round'/%3E%3C/svg%3E"
)

# What a person can do about it, by status; others read as 400 or 503. The API's are JSON (replies).
REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("This request cannot be understood", "The address or the request was not well formed."),
    403: ("This is not open to you", "Whoever sent you here may know another address."),
    404: ("There is no page at this address", "It may have moved, or the address was cut short on its way to you."),
    405: ("This address only shows a page", "Something tried to send data to it."),
    429: ("Too many requests from your network", "Wait a minute, then load the page again."),
    500: ("Something went wrong here", "It is our fault, not yours. Load the page again in a minute."),
    503: ("This is not available at the moment", "Load the page again in a minute; nothing of yours is lost."),
}
WAIT: Final = (429, 503, 504)


@dataclass(frozen=True)
class Page:
    """What differs from page to page."""

    title: str
    heading: str
    body: str


def policy(edge: Edge) -> str:
    """Return the pages' Content-Security-Policy."""
    return policy_for(edge.hosts.api + edge.authority, edge.hosts.ws + edge.authority)


def policy_for(api: str, ws: str) -> str:
    """Return the Content-Security-Policy of pages that talk to these two addresses."""
    directives = (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: https://images.unsplash.com",
        f"connect-src 'self' https://{api} wss://{ws}",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    return "; ".join(directives)


def files(edge: Edge) -> Files:
    """Return every page by its path below the configuration directory."""
    refused = {f"html/refusals{_refusal_path(status)}": _refusal(edge, status) for status in _statuses()}
    return {"html/apex/index.html": apex(edge), "html/app/index.html": app(edge), **refused}


def refusals() -> str:
    """Return the directives that answer a person with a page where the API answers with JSON."""
    lines = [f"error_page {seen} ={shown} {_refusal_path(shown)};" for seen, shown in sorted(replies.STATUSES.items())]
    return "\n".join([*lines, ""])


def refusal_locations() -> str:
    """Return where the server finds those pages; nobody can ask for them."""
    return "".join(
        f"location = {_refusal_path(status)} {{ internal; root html/refusals; include page-headers.conf; "
        f"{f'add_header Retry-After {envoy_replies.RETRY_AFTER_S} always; ' if status in WAIT else ''}}}\n"
        for status in _statuses()
    )


def _statuses() -> list[int]:
    return sorted(set(replies.STATUSES.values()))


def _refusal_path(status: int) -> str:
    return f"/__problem_page_{status}.html"


def apex(edge: Edge) -> str:
    """Return the landing page."""
    app_url = f"https://{edge.hosts.app}{edge.authority}/"
    body = (
        '<p class="lead">On AudiFi a musician shapes the last steps of a recording together with the fans, and sells '
        "shares of what it becomes.</p>\n"
        "<p>In a live session the artist puts decisions to the vote. The finished master is offered in shares, and its "
        "revenue is split among those who hold them.</p>\n"
        f"{_what_runs(edge)}"
        "<p>The web application comes with a later part of the project, at "
        f'<a href="{app_url}">{edge.hosts.app}</a>.</p>\n'
    )
    return _html(edge, Page("AudiFi", "Finish a song together, share what it earns", body))


def app(edge: Edge) -> str:
    """Return what the application's address answers until the web build is served here."""
    api = _api(edge)
    body = (
        '<p class="lead">This is the address of AudiFi&#8217;s web application. It comes with a later part of the '
        "project; the platform behind it runs already.</p>\n"
        '<section class="box" aria-labelledby="link"><h2 id="link">You followed a sign-in link?</h2>\n'
        "<p>Opening it did not use it up. Send the part of the address after <code>token=</code> to the API:</p>\n"
        f"<pre><code>POST {api}/v1/auth/verify-magic-link\n"
        "Content-Type: application/json\n\n"
        '{"token": "…"}</code></pre></section>\n'
        f"{_what_runs(edge)}"
    )
    return _html(edge, Page("AudiFi – the application is not here yet", "The application is not here yet", body))


def _refusal(edge: Edge, status: int) -> str:
    heading, advice = REFUSALS.get(status) or REFUSALS[400 if status < 500 else 503]
    body = f'<p class="lead">{advice}</p>\n<p>Status {status}. <a href="{_home(edge)}">To the start page</a></p>\n'
    return _html(edge, Page(f"{heading} – AudiFi", heading, body))


def _api(edge: Edge) -> str:
    return f"https://{edge.hosts.api}{edge.authority}"


def _home(edge: Edge) -> str:
    return f"https://{edge.hosts.apex}{edge.authority}/"


def _what_runs(edge: Edge) -> str:
    api = _api(edge)
    return (
        "<h2>What is here now</h2>\n"
        "<ul><li>Accounts: sign-in by mailed link, second factor, sessions, wallets, profile, consents</li>\n"
        "<li>The way to them: this edge, the API gateway, replicated databases, a durable queue</li>"
        "</ul>\n"
        "<h2>Where the API is</h2>\n"
        f"<dl><dt>Address</dt><dd><code>{api}/v1</code></dd>\n"
        f'<dt>Is it well?</dt><dd><a href="{api}/health">{edge.hosts.api}/health</a></dd></dl>\n'
    )


def _html(edge: Edge, page: Page) -> str:
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{page.title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="{ICON}">\n<style>{STYLE}</style>\n</head>\n<body>\n'
        f'<header><a href="{_home(edge)}">AudiFi</a></header>\n'
        f"<main>\n<h1>{page.heading}</h1>\n{page.body}</main>\n"
        "<footer>Served by the edge of AudiFi&#8217;s platform.</footer>\n</body>\n</html>\n"
    )
