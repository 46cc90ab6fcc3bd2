"""Write the nginx.conf of the front end on Fly.io.

Between: topology.surface (by way of targets.hosting) and nginx in the front end's image.
Shape: one server; a file of the build wins, then the rewrites in order, then /index.html.
Invariant: nothing is written outside /tmp, as whoever is not root may; the address of the API is a redirect (308: the
method stays) and not a proxy, because a name that does not resolve at its start would keep nginx from starting.
Units: seconds, as nginx writes them.
Errors: ValueError for a rewrite that is neither to another host nor to a file of ours.
Source: https://nginx.org/en/docs/http/ngx_http_core_module.html (try_files, add_header's inheritance).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from audifi.targets import hosting
from audifi.targets.files import File, header
from audifi.targets.fly.image import PAGES
from audifi.topology.model.whole import Topology

HEALTH: Final = "/health"
_HEAD: Final = """\
worker_processes auto;
pid /tmp/nginx.pid;
error_log stderr warn;
events {
    worker_connections 1024;
}
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    server_tokens off;
    sendfile on;
    gzip on;
    gzip_types text/css text/plain application/javascript application/json image/svg+xml;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
"""


def render(topology: Topology) -> File:
    """nginx.conf."""
    sources = (*hosting.SOURCES, "Fly")
    text = header(sources) + _HEAD + "\n".join(_servers(topology)) + "\n}\n"
    return File(path="nginx.conf", text=text, sources=sources)


def _servers(topology: Topology) -> Iterator[str]:
    port = topology.surface.fly.internal_port
    headers = hosting.page_headers(topology)
    for host, to in hosting.redirects(topology).items():
        yield f"""\
    server {{
        listen {port};
        server_name {host};
        return 308 https://{to}$request_uri;
    }}"""
    yield f"""\
    server {{
        listen {port} default_server;
        root {PAGES};"""
    yield from _headers(headers, depth=2)
    yield f"""\
        location = {HEALTH} {{
            default_type text/plain;
            return 200 "ok\\n";
        }}"""
    for rewrite in hosting.rewrites(topology):
        yield from _rewrite(rewrite.source_path, rewrite.destination)
    for kept in hosting.kept(topology):
        yield f"        location {kept.path} {{"
        # A location with a header of its own inherits none.
        yield from _headers({**headers, "Cache-Control": kept.cache_control}, depth=3)
        yield "            try_files $uri =404;\n        }"
    yield "    }"


def _headers(headers: Mapping[str, str], *, depth: int) -> Iterator[str]:
    for name, value in headers.items():
        yield f"{'    ' * depth}add_header {name} {json.dumps(value)} always;"


def _rewrite(source: str, destination: str) -> Iterator[str]:
    """A rewrite of vercel.json in nginx's words."""
    path, base = source.removesuffix("(.*)"), destination.removesuffix(source.replace("(.*)", "$1"))
    if base != destination and base.startswith("https://"):
        # As it came: a captured part is decoded, and a line break in it would end our header.
        yield f"        location {path} {{\n            return 308 {base}$request_uri;\n        }}"
    elif destination.startswith("/") and source == hosting.EVERYTHING:
        yield f"        location / {{\n            try_files $uri $uri/ {destination};\n        }}"
    else:
        raise ValueError(f"nginx.conf cannot say the rewrite {source} → {destination}: teach it to fly/server.py")
