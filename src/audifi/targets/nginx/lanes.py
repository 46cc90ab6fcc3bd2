"""Render the lanes of the API: which requests go where, with which patience and which limits.

Between: configuration (puts them into the servers of api. and app.), wire.routes (cached and upload rows).
Invariant: nothing that two parsers may read differently is passed on: encoded dots and slashes, `..`, backslashes.
Units: nginx's own ("30s", bytes).
Source: domain.md 5.4 (cache, WAF, /admin), 5.5 (limits per IP), 5.8 (timeouts).
"""

from audifi.targets.nginx.edge import Edge
from audifi.wire import headers
from audifi.wire.routes import BODY_BYTES, METHODS, ROUTES, TIMEOUT_CEILING_S, UPLOAD_BYTES, Route

V1 = "(?:/api)?/v1"
# A worker that judges a thousand simultaneous requests is busy for seconds before it looks at a connection it opened.
# A gateway that is gone refuses at once, so patience does not delay failover. Source: tests/system/test_one_link.py.
CONNECT_BUSY_S = 20
KEEP_STALE_S = 60  # domain.md 5.4: stale-while-revalidate
NEXT_UPSTREAM = {
    "read": "error", "cached": "error", "write": "error", "once": "off", "upload": "off", "signed": "error"
}  # fmt: skip
OWN_LOCATION = ("upload", "signed", "write", "once")

# A path that another parser could understand differently than we do: refused, not repaired.
TRICKS = r"^[^?]*(?:%2e|%2f|%5c|%00|%25|\x5c|/\.\.?(?:/|\?|$)|;)"


def _pattern(row: Route) -> str:
    return f"{'(?:' + V1 + ')?' if row.at_root else V1}{row.pattern}"


def _cached_rows() -> list[tuple[str, int]]:
    """Return path pattern and seconds of every row the edge may answer."""
    return [(_pattern(row), row.edge_cache_s) for row in ROUTES if row.edge_cache_s is not None]


def _uploads() -> str:
    return "|".join(_pattern(row) for row in ROUTES if row.body_bytes > BODY_BYTES)


def _signed() -> str:
    return "|".join(_pattern(row) for row in ROUTES if row.is_signed)


def _networks(networks: tuple[str, ...]) -> str:
    return " ".join(f"{network} 1;" for network in networks)


def _freshness(seconds: int) -> str:
    """Return what a browser is told of a cached row: only a success may be kept."""
    kept = f"public, s-maxage={seconds}, stale-while-revalidate={KEEP_STALE_S}"
    return f'    map $status $cache_control_{seconds} {{ 200 "{kept}"; default "no-store"; }}'


def maps(edge: Edge) -> str:
    """Return the variables that decide: lane, request id, limits, refusals."""
    limits = edge.limits
    methods = "|".join((*METHODS, "OPTIONS"))
    cached = "\n".join(f'        "~^GET::(?:{pattern})$" "cached-{seconds}";' for pattern, seconds in _cached_rows())
    freshness = "\n".join(_freshness(seconds) for seconds in sorted({seconds for _, seconds in _cached_rows()}))
    return f"""\
    # What was asked for, without the query (it may hold a token); $uri would be the name of a lane.
    map $request_uri $asked_path {{ "~^(?<asked>[^?]*)" $asked; default ""; }}
    map $http_x_request_id $request_key {{
        "~{headers.REQUEST_ID_PATTERN}" $http_x_request_id;
        default "req_$request_id";
    }}
    # method : credentials : path -> lane. Anonymous means no Authorization and no cookie.
    map "$request_method:$http_authorization$http_cookie:$uri" $lane {{
{cached}
        "~^POST:.*:(?:{_uploads()})$" upload;
        "~^POST:.*:(?:{_signed()})$" signed;
        "~^(?:POST|PATCH):.*:{V1}/" write;
        "~^(?:PUT|DELETE):.*:{V1}/" once;
        default read;
    }}
    map $request_method $unknown_method {{ "~^(?:{methods})$" 0; default 1; }}
    map $request_uri $trick {{ "~*{TRICKS}" 1; default 0; }}
    # An empty body has no type: clients then send what they like, or nothing.
    map "$request_method:$content_length$http_transfer_encoding:$content_type" $wrong_type {{
        "~^[A-Z]+:0?:" 0;
        "~^(?:POST|PUT|PATCH):[^:]*:$" 0;
        "~*^(?:POST|PUT|PATCH):[^:]*:application/(?:[a-z0-9.+-]+\\+)?json *(?:;|$)" 0;
        "~^(?:POST|PUT|PATCH):" 1;
        default 0;
    }}
{freshness}
    geo $admin_network {{ default 0; {_networks(edge.admin_networks)} }}
    map "$admin_network:$uri" $admin_refused {{ "~^0:{V1}/admin(?:/|$)" 1; default 0; }}
    geo $trusted {{ default 0; {_networks(limits.trusted)} }}
    map $trusted $key_public {{ 0 $binary_remote_addr; default ""; }}
    map $trusted $key_trusted {{ 1 $binary_remote_addr; default ""; }}
    limit_req_zone $key_public zone=public_rate:10m rate={limits.per_min}r/m;
    limit_req_zone $key_trusted zone=trusted_rate:1m rate={limits.trusted_per_min}r/m;
    limit_conn_zone $key_public zone=public_connections:10m;
    limit_conn_zone $key_trusted zone=trusted_connections:1m;
    limit_req_status 429;
    limit_conn_status 429;
    limit_req_log_level info;
    limit_conn_log_level info;
"""


def guards(edge: Edge) -> str:
    """Return what is refused before a lane is chosen, and the choice."""
    limits = edge.limits
    seconds = sorted({seconds for _, seconds in _cached_rows()})
    choices = [f"if ($lane = {name}) {{ rewrite ^ /__{name} last; }}" for name in OWN_LOCATION]
    choices += [f"if ($lane = cached-{number}) {{ rewrite ^ /__cached_{number} last; }}" for number in seconds]
    return "\n".join(
        (
            f"limit_req zone=public_rate burst={limits.burst} nodelay;",
            f"limit_req zone=trusted_rate burst={limits.trusted_burst} nodelay;",
            f"limit_conn public_connections {limits.connections};",
            f"limit_conn trusted_connections {limits.trusted_connections};",
            # A refusal found before there was an address comes through here a second time.
            "if ($uri ~ ^/__problem_) { break; }",
            "if ($unknown_method) { return 405; }",
            "if ($trick) { return 400; }",
            "if ($admin_refused) { return 403; }",
            *choices,
            "",
        )
    )


def forwarding(*, connection: str = "") -> list[str]:
    """Return what goes on, and what is taken off."""
    stripped = (*headers.IDENTITY, "Forwarded", "X-Forwarded-Host", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP")
    return [
        "proxy_http_version 1.1;",
        f'proxy_set_header Connection "{connection}";',
        "proxy_set_header Host $host;",
        f"proxy_set_header {headers.CLIENT_IP} $remote_addr;",
        "proxy_set_header X-Forwarded-Proto https;",
        f"proxy_set_header {headers.REQUEST_ID} $request_key;",
        *(f'proxy_set_header {name} "";' for name in stripped),
        *(f"proxy_hide_header {name};" for name in (*headers.SECURITY, headers.REQUEST_ID, "Server")),
    ]


def lane(name: str, edge: Edge, *, cache_s: int | None = None) -> str:
    """Return the directives of one lane."""
    lines = [
        *forwarding(),
        f"proxy_connect_timeout {CONNECT_BUSY_S}s;",
        f"proxy_read_timeout {TIMEOUT_CEILING_S + 5}s;",
        f"proxy_send_timeout {TIMEOUT_CEILING_S + 5}s;",
        f"proxy_next_upstream {NEXT_UPSTREAM[name]};",
        "proxy_next_upstream_tries 3;",
    ]
    if name == "upload":
        lines += [f"client_max_body_size {UPLOAD_BYTES};", "proxy_request_buffering off;"]
    elif edge.waf and name != "signed":
        lines += ["modsecurity on;", "modsecurity_transaction_id $request_key;"]
    if name in {"signed", "write", "once"}:
        lines.append("if ($wrong_type) { return 415; }")
    if cache_s is not None:
        lines += _cache(cache_s)
    # With a variable the address goes on as it was sent: the lanes are internal names.
    target = "http://gateway" if name == "read" else "http://gateway$request_uri"
    return "\n".join([*lines, f"proxy_pass {target};", ""])


def _cache(seconds: int) -> list[str]:
    return [
        "proxy_cache public;",
        'proxy_cache_key "$host$request_uri";',
        f"proxy_cache_valid 200 {seconds}s;",
        "proxy_cache_lock on;",
        "proxy_cache_lock_timeout 2s;",
        "proxy_cache_background_update on;",
        "proxy_cache_use_stale updating error timeout http_502 http_503 http_504;",
        # Services say no-store unless told otherwise; what may be kept is decided once, in the routing table.
        "proxy_ignore_headers Cache-Control Expires;",
        "proxy_hide_header Cache-Control;",
        f"add_header Cache-Control $cache_control_{seconds} always;",
        "add_header X-Cache-Status $upstream_cache_status always;",
        "include headers.conf;",
    ]


def locations(edge: Edge) -> str:
    """Return the internal locations of every lane but the default one."""
    found = [(f"/__{name}", lane(name, edge)) for name in OWN_LOCATION]
    durations = sorted({seconds for _, seconds in _cached_rows()})
    found += [(f"/__cached_{seconds}", lane("cached", edge, cache_s=seconds)) for seconds in durations]
    return "".join(f"location = {name} {{\ninternal;\n{body}}}\n" for name, body in found)
