"""Render the sockets' way through the edge: who is connected to which pod, and how long silence may last.

    /p/2/vstudio/<session>   straight to ws-gateway-2; to another pod if that one refuses, before anything was upgraded
    /p/9/vstudio/<session>   there is no such pod any more: to any
    /vstudio/<session>, …    to the balancer, which knows pods by its cookie; `/ws` on api., app. and studio. too

Between: configuration (puts it into the servers), wire.live (paths, limits, pings), lanes (what is passed on).
Invariant: no ticket in a log: the access log has no query, and the error log, which quotes requests whole, is silent
here but for what stops the program. A frame is read by nobody here; a reader who stops is felt by the pod within one
small buffer (configuration's sndbuf), so that the pod decides about slow viewers.
Known: a pod that hangs takes connections without answering them; the client gives up first, and its next ticket names
another pod.
Units: nginx's own ("90s").
Source: domain.md 3 (paths, connections per address, heartbeat); nginx 1.22 reference (proxying of upgrades).
"""

from audifi.targets.envoy.gateway import Address
from audifi.targets.nginx import lanes
from audifi.targets.nginx.edge import Edge
from audifi.wire.live import addresses, protocol

SILENCE_S = protocol.PING_S * (protocol.MISSES_MAX + 1)  # pods ping; longer without a byte and the pod is gone
BUFFER = "4k"  # one each way and viewer: a frame of ours is at most that
NEXT_UPSTREAM = "error http_503"  # refused, dropped, or a pod that drains or is full says so


def _server(address: Address, *, backup: bool = False) -> str:
    # Never set aside for a while: a refusal costs one round trip, and a storm of them is no reason to leave a pod out.
    return f"        server {address.text} max_fails=0{' backup' if backup else ''};"


def _upstream(name: str, servers: list[str]) -> str:
    lines = "\n".join(servers or ["        server 127.0.0.1:9 down;"])
    return f"    upstream {name} {{\n{lines}\n    }}"


def upstreams(edge: Edge) -> str:
    """Return one group per pod that begins with it, one of all pods, and the balancer's."""
    found = [
        _upstream(f"live_{number}", [_server(pod, backup=pod is not named) for pod in edge.live_pods])
        for number, named in enumerate(edge.live_pods, start=1)
    ]
    found.append(_upstream("live_any", [_server(pod) for pod in edge.live_pods]))
    found.append(_upstream("live_balancer", [_server(pod) for pod in edge.balancers]))
    return "\n".join(found) + "\n"


def zones(edge: Edge) -> str:
    """Return what counts handshakes and sockets of strangers; the trusted share the zones of the other lanes."""
    return (
        f"    limit_req_zone $key_public zone=live_rate:10m rate={edge.limits.live_per_min}r/m;\n"
        "    limit_conn_zone $key_public zone=live_connections:10m;\n"
        # Anything else that wants to be upgraded is asked to speak plain HTTP.
        '    map $http_upgrade $not_a_socket { "~*^websocket$" 0; default 1; }\n'
    )


def lane(edge: Edge) -> str:
    """Return the directives of every location that sockets go through; the location says where to."""
    limits = edge.limits
    lines = [
        "if ($not_a_socket) { return 426; }",
        f"limit_req zone=live_rate burst={limits.live_burst} nodelay;",
        f"limit_req zone=trusted_rate burst={limits.trusted_burst} nodelay;",
        f"limit_conn live_connections {limits.live_connections};",
        f"limit_conn trusted_connections {limits.trusted_connections};",
        *lanes.forwarding(connection="upgrade"),
        "proxy_set_header Upgrade websocket;",
        f"proxy_connect_timeout {lanes.CONNECT_BUSY_S}s;",
        f"proxy_read_timeout {SILENCE_S}s;",
        f"proxy_send_timeout {SILENCE_S}s;",
        f"send_timeout {SILENCE_S}s;",
        f"proxy_buffer_size {BUFFER};",
        f"proxy_next_upstream {NEXT_UPSTREAM};",
        f"proxy_next_upstream_tries {max(2, len(edge.live_pods))};",
        "error_log stderr crit;",
    ]
    return "\n".join([*lines, ""])


def _location(pattern: str, upstream: str, *, strip: bool) -> str:
    rewrite = f"rewrite ^{addresses.NAMED}[0-9]+(/.*)$ $1 break; " if strip else ""
    return f'    location ~ "{pattern}" {{ include lane-live.conf; {rewrite}proxy_pass http://{upstream}; }}'


def locations(edge: Edge) -> str:
    """Return the locations of the sockets' own host; everything else there does not exist."""
    paths = f"(?:{addresses.PATTERN})$"
    found = [
        _location(f"^{addresses.NAMED}{number}{paths}", f"live_{number}", strip=True)
        for number in range(1, len(edge.live_pods) + 1)
    ]
    found.append(_location(f"^{addresses.NAMED}[0-9]{{1,4}}{paths}", "live_any", strip=True))
    found.append(_location(f"^{paths}", "live_balancer", strip=False))
    # A refusal found before there was an address comes through here a second time.
    first = ("    if ($uri ~ ^/__problem_) { break; }", "    if ($trick) { return 400; }")
    return "\n".join((*first, *found, "    location / { return 404; }", ""))


def elsewhere() -> str:
    """Return the one address of sockets on the other hosts."""
    return f"    location = {addresses.ON_OTHER_HOSTS} {{ include lane-live.conf; proxy_pass http://live_balancer; }}\n"
