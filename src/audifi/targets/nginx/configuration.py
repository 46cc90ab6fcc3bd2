"""Assemble the edge's files: main configuration, headers, firewall rules, pages.

A request of the API hosts takes one of five lanes, chosen before anything else by method and path:
  read    GET, HEAD, OPTIONS          another gateway is tried when one cannot be reached or drops the connection
  cached  anonymous GET of some rows  answered from the cache when it can be
  write   POST, PATCH                 another gateway only if nothing was sent (nginx's own rule for these methods)
  once    PUT, DELETE                 never another gateway: nginx would repeat them after they were sent
  upload  POST of upload rows         110 MB, streamed

Sockets have ways of their own (live).

Between: local.components.edge (writes the files, tests them with `nginx -t`), lanes, live, replies, firewall, pages.
Invariant: X-Forwarded-For is what we saw, never what we were told; every answer carries the design's headers.
Source: domain.md 4, 5.1-5.5; components.md 1; nginx 1.22 reference.
"""

from audifi.targets.nginx import firewall, lanes, live, pages, replies
from audifi.targets.nginx.edge import Edge, Files
from audifi.wire import headers

# Per worker, below the 20,000 files of components.md 0. 10,000 viewers are 20,000 connections, in at least two workers;
# `reuseport` spreads them evenly, where a shared socket would give most to whoever wakes first.
CONNECTIONS_MAX = 14_000
SEND_BUFFER = "64k"  # the kernel's; realtime.md 2.8: larger ones hide a viewer who stopped reading

LOG_FORMAT = (
    '{"timestamp":"$time_iso8601","level":"info","service":"edge","message":"request","requestId":"$request_key",'
    '"method":"$request_method","host":"$host","path":"$asked_path","statusCode":$status,"durationMs":"$request_time",'
    '"upstreamMs":"$upstream_response_time","ipAddress":"$remote_addr","userAgent":"$http_user_agent",'
    '"protocol":"$server_protocol","tls":"$ssl_protocol","cache":"$upstream_cache_status","lane":"$lane"}'
)


def _fill(template: str, **values: str) -> str:
    for name, value in values.items():
        template = template.replace(f"<<{name}>>", value)
    return template


MAIN = """\
# The edge. Rendered from the model; changes here are lost.
<<user>>daemon off;
pid <<data>>/nginx.pid;
error_log stderr warn;
worker_processes <<workers>>;
worker_shutdown_timeout 8s;
load_module <<modules>>/ngx_http_modsecurity_module.so;
load_module <<modules>>/ngx_http_headers_more_filter_module.so;
events { worker_connections <<connections>>; multi_accept on; }
http {
    default_type application/octet-stream;
    types {
        text/html html; text/css css; application/javascript js mjs; application/json json map; text/plain txt;
        image/svg+xml svg; image/png png; image/jpeg jpg jpeg; image/webp webp; image/x-icon ico; font/woff2 woff2;
    }
    server_tokens off;
    more_clear_headers Server;
    sendfile on;
    tcp_nodelay on;
    log_format json escape=json '<<log_format>>';
    access_log /dev/stdout json;
    client_body_temp_path <<data>>/body;
    proxy_temp_path <<data>>/proxy;
    fastcgi_temp_path <<data>>/fastcgi;
    uwsgi_temp_path <<data>>/uwsgi;
    scgi_temp_path <<data>>/scgi;
    proxy_cache_path <<data>>/cache levels=1:2 keys_zone=public:8m max_size=256m inactive=10m use_temp_path=off;

    # Slow clients hold a connection no longer than this.
    client_header_timeout 10s;
    client_body_timeout 15s;
    send_timeout 30s;
    keepalive_timeout 65s;
    reset_timedout_connection on;
    large_client_header_buffers 4 16k;
    client_max_body_size <<body_bytes>>;
    client_body_buffer_size 128k;
    underscores_in_headers off;
    ignore_invalid_headers on;

<<maps>>
    # Read once here, switched on in the lanes only.
    modsecurity off;
    modsecurity_rules_file <<config>>/firewall.conf;

    ssl_certificate <<certificate>>;
    ssl_certificate_key <<key>>;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers <<ciphers>>;
    ssl_prefer_server_ciphers on;
    ssl_session_tickets off;
    ssl_session_cache shared:tls:2m;
    ssl_session_timeout 1d;

<<live_upstreams>>
    upstream gateway {
        zone gateway 64k;
<<gateways>>
        keepalive 64;
        keepalive_timeout 60s;
    }

    # Port 80 only redirects, and only to names that are ours.
    server {
        listen <<host>>:<<http_port>> default_server;
        server_name _;
        include headers.conf;
        include problems.conf;
        location / { return 404; }
    }
    server {
        listen <<host>>:<<http_port>>;
        server_name <<names>>;
        include headers.conf;
        include problems.conf;
        location / { return 301 https://$host<<authority>>$request_uri; }
    }

    # A name that is not ours.
    server {
        listen <<host>>:<<https_port>> ssl http2 default_server reuseport backlog=4096 sndbuf=<<send_buffer>>;
        server_name _;
        include headers.conf;
        include problems.conf;
        location / { return 421; }
    }
    server {
        listen <<host>>:<<https_port>> ssl http2;
        server_name <<www>>;
        include headers.conf;
        include problems.conf;
        location / { return 301 https://<<apex>><<authority>>$request_uri; }
    }
    server {
        listen <<host>>:<<https_port>> ssl http2;
        server_name <<apex>>;
        root html/apex;
        include page-headers.conf;
        include page-problems.conf;
        include page-problem-locations.conf;
        location / { try_files $uri $uri/index.html =404; }
    }
    server {
        listen <<host>>:<<https_port>> ssl http2;
        server_name <<app>> <<studio>>;
        root html/app;
        include page-headers.conf;
        include problems.conf;
        include guards.conf;
        include lanes.conf;
        include page-problem-locations.conf;
        include live-elsewhere.conf;
        location /api/ { include lane-read.conf; }
        # Hashed names: a changed file has another address.
        location /assets/ {
            include page-security.conf;
            include page-problems.conf;
            add_header Cache-Control "public, max-age=31536000, immutable" always;
            try_files $uri =404;
        }
        location / {
            include page-problems.conf;
            try_files $uri /index.html;
        }
    }
    server {
        listen <<host>>:<<https_port>> ssl http2;
        server_name <<ws>>;
        include headers.conf;
        include problems.conf;
        ssl_buffer_size 4k;  # a frame of ours; 16k for each of 10,000 viewers would be 160 MB
        include live.conf;
    }
    server {
        listen <<host>>:<<https_port>> ssl http2;
        server_name <<api>>;
        include headers.conf;
        include problems.conf;
        include guards.conf;
        include lanes.conf;
        include live-elsewhere.conf;
        location / { include lane-read.conf; }
    }

    # Readiness and counters, for us alone.
    server {
        listen 127.0.0.1:<<status_port>>;
        access_log off;
        location = /ready { return 200 "ready\\n"; }
        location = /status { stub_status; }
        location / { return 404; }
    }
}
"""


def _headers(policy: str | None = None) -> str:
    pairs = dict(headers.SECURITY)
    if policy:
        pairs["Content-Security-Policy"] = policy
    lines = [f'add_header {name} "{value}" always;' for name, value in pairs.items()]
    return "\n".join([*lines, f"add_header {headers.REQUEST_ID} $request_key always;"]) + "\n"


def _main(edge: Edge) -> str:
    hosts = edge.hosts
    # nginx counts whole seconds: who refused is passed over for at most 2 s. A gateway that is rolled drains for 2 s
    # before it refuses anybody, so the one rolled before it is asked again by then.
    gateways = [f"        server {address.text} max_fails=1 fail_timeout=1s;" for address in edge.gateways]
    return _fill(
        MAIN,
        user=f"user {edge.user};\n" if edge.user else "",
        data=edge.paths.data,
        config=edge.paths.config,
        workers=str(edge.workers),
        modules=edge.paths.modules,
        connections=str(CONNECTIONS_MAX),
        log_format=LOG_FORMAT,
        body_bytes=str(lanes.BODY_BYTES),
        maps=lanes.maps(edge) + live.zones(edge),
        live_upstreams=live.upstreams(edge),
        send_buffer=SEND_BUFFER,
        certificate=edge.paths.certificate,
        key=edge.paths.certificate_key,
        ciphers=":".join(edge.ciphers),
        gateways="\n".join(gateways) or "        server 127.0.0.1:9 down;",
        host=edge.host,
        http_port=str(edge.http_port),
        https_port=str(edge.https_port),
        status_port=str(edge.status_port),
        authority=edge.authority,
        names=" ".join(hosts.all),
        **{name: getattr(hosts, name) for name in ("apex", "www", "app", "api", "ws", "studio")},
    )


def render(edge: Edge) -> Files:
    """Return every file of the edge by its path below the configuration directory."""
    page_policy = pages.policy(edge)
    no_cache = 'add_header Cache-Control "no-cache" always;\n'
    return {
        "nginx.conf": _main(edge),
        "headers.conf": _headers(),
        "page-security.conf": _headers(page_policy),
        "page-headers.conf": _headers(page_policy) + no_cache,
        "problems.conf": replies.locations(),
        "guards.conf": lanes.guards(edge),
        "lanes.conf": lanes.locations(edge),
        "live.conf": live.locations(edge),
        "live-elsewhere.conf": live.elsewhere(),
        "lane-live.conf": live.lane(edge),
        "lane-read.conf": lanes.lane("read", edge),
        "firewall.conf": firewall.rules(edge),
        "page-problems.conf": pages.refusals(),
        "page-problem-locations.conf": pages.refusal_locations(),
        **pages.files(edge),
    }
