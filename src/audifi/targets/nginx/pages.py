"""Render the pages that stand where the web application will be: small, honest, without scripts.

Between: configuration (writes them below html/), a person who opens the app's address.
Invariant: the Content-Security-Policy of the pages is domain.md 4's web policy with this environment's addresses.
Source: domain.md 4 [X] (web CSP), 8.
"""

from audifi.targets.nginx.edge import Edge

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#1b1b1f}"
    "code{background:#f0f0f3;padding:.1em .3em;border-radius:3px}h1{font-size:1.5rem}"
)


def policy(edge: Edge) -> str:
    """Return the pages' Content-Security-Policy."""
    port = edge.authority
    directives = (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: https://images.unsplash.com",
        f"connect-src 'self' https://{edge.hosts.api}{port} wss://{edge.hosts.ws}{port}",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    return "; ".join(directives)


def _page(title: str, *paragraphs: str) -> str:
    body = "".join(f"<p>{text}</p>\n" for text in paragraphs)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n'
        f"<h1>{title}</h1>\n{body}</html>\n"
    )


def apex(edge: Edge) -> str:
    """Return the landing page."""
    port = edge.authority
    return _page(
        "AudiFi",
        f'This is the edge of AudiFi\'s platform. The application is at <a href="https://{edge.hosts.app}{port}/">'
        f'{edge.hosts.app}</a>, the API at <a href="https://{edge.hosts.api}{port}/health">{edge.hosts.api}</a>.',
    )


def app(edge: Edge) -> str:
    """Return what the application's address answers until the web build is served here."""
    api = f"https://{edge.hosts.api}{edge.authority}"
    return _page(
        "AudiFi: the application is not built yet",
        "The edge, the API gateway and the services behind it run; the web application comes with a later part.",
        "If you followed a sign-in link: opening it does not use it up. Take the part after <code>token=</code> "
        f"and send it as <code>POST {api}/v1/auth/verify-magic-link</code> with the body "
        '<code>{"token": "…"}</code>.',
    )
