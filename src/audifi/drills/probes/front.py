"""Measure the edge: hosts, TLS, headers, cache, firewall, limits.

Between: drills.probes (collects), visiting (asks), drills.faults (takes balancers and gateways away).
Shape: what only Cloudflare, Vercel, Fly.io or a DNS zone can show is not here: those promises say what they await.
Units: 1 where the sentence is true; else what the promise's unit says.
Invariant: a sabotage asks past what protects, at the port of the pod behind it, or takes that pod away.
Errors: those of visiting; a host that answers nothing at all counts as not answering.
Source: domain.md 4 (headers), 5.2 (hosts), 5.4 (cache, firewall); the corpus: OWASP's categories of the Core Rule Set.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

import aiohttp

from audifi.drills.faults import processes
from audifi.drills.journey.stage import Stage
from audifi.drills.probes.live import handshake
from audifi.drills.probes.probe import Measure, Probe, Weakened
from audifi.drills.probes.visiting import Answer, Visitor, visiting
from audifi.local.ports import LOOPBACK

HOSTS: Final = ("apex", "app", "api", "ws", "studio")
KEYS: Final = "/v1/.well-known/jwks.json"  # public, answered by auth-service, kept by the edge
OK: Final = 200
REDIRECTS: Final = range(300, 400)
TOO_MANY: Final = 429
FORBIDDEN: Final = 403
REPEATS: Final = 12
FLOOD: Final = 400
AT_ONCE: Final = 20

GATEWAY: Final = "api-gateway"
BALANCER: Final = "ws-balancer"
BEHIND: Final = "auth-service-1"  # nothing of the edge or the gateway is in front of its port

ATTACKS: Final = (
    ("GET", "/v1/artists/x?q=" + quote("1' OR '1'='1' UNION ALL -- "), None),
    ("GET", "/v1/artists/x?q=" + quote("<script>alert(1)</script>"), None),
    ("GET", "/v1/artists/x?q=" + quote("../../../../etc/passwd"), None),
    ("GET", "/v1/artists/x?q=" + quote(";cat /etc/passwd"), None),
    ("PUT", "/v1/user/profile", {"bio": "x' OR 1=1; DROP TABLE users; --"}),
    ("PUT", "/v1/user/profile", {"displayName": "<script>alert(document.cookie)</script>"}),
    ("POST", "/v1/user/artist-profile", {"consents": ["1' UNION SELECT null,version()--"]}),
)

HEADERS: Final = {
    "header-hsts": ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    "header-nosniff": ("X-Content-Type-Options", "nosniff"),
    "header-frames": ("X-Frame-Options", "DENY"),
    "header-xss": ("X-XSS-Protection", "1; mode=block"),
    "header-csp": ("Content-Security-Policy", "default-src 'self'"),
}


async def hosts_that_answer(stage: Stage) -> float:
    """How many of the five hosts answer with a certificate of their name."""
    return sum(await asyncio.gather(*(_answers(stage, each) for each in HOSTS)))


def answers(domain: str) -> Measure:
    """Whether this host answers what it is for."""

    async def measure(stage: Stage) -> float:
        return await _answers(stage, domain)

    return measure


async def _answers(stage: Stage, domain: str) -> bool:
    try:
        if domain == "ws":
            return bool(await handshake(stage))
        async with visiting(stage) as visitor:
            # A cookie passes the cache: not the edge shall answer for what is behind it.
            answer = await visitor.ask(domain, KEYS if domain == "api" else "/", headers={"Cookie": "a=b"})
    except aiohttp.ClientError:
        return False
    return answer.status == OK and (domain != "api" or bool(answer.json["keys"]))


def header(name: str, value: str, *, ask: Callable[[Visitor, str], Awaitable[Answer]]) -> Measure:
    """Whether every host says this header."""

    async def measure(stage: Stage) -> float:
        async with visiting(stage) as visitor:
            found = [(await ask(visitor, each)).headers.get(name, "") for each in (*HOSTS, "www")]
        return all(each.startswith(value) for each in found)

    return measure


async def _through(visitor: Visitor, domain: str) -> Answer:
    return await visitor.ask(domain, "/")


async def _behind(visitor: Visitor, domain: str) -> Answer:
    del domain
    return await visitor.past(BEHIND, "/health")


async def plain_answers(stage: Stage) -> float:
    """How many hosts answer anything but a redirect to themselves by HTTPS to a question in plain text."""
    return sum([await _is_plain(stage, each, stage.port("edge-1", "http")) for each in (*HOSTS, "www")])


async def plain_answers_of_the_gateway(stage: Stage) -> float:
    return sum([await _is_plain(stage, each, stage.port("api-gateway-1", "http")) for each in HOSTS])


async def _is_plain(stage: Stage, domain: str, port: int) -> bool:
    host = stage.topology.domain(domain).host
    async with visiting(stage) as visitor:
        asked = visitor.http.get(f"http://{LOOPBACK}:{port}{KEYS}", headers={"Host": host}, allow_redirects=False)
        async with asked as answer:
            return answer.status not in REDIRECTS or not answer.headers["Location"].startswith("https://")


async def repeats_that_reach_the_origin(stage: Stage) -> float:
    """Ask for the same public thing again and again: how often the edge had to ask behind itself."""
    async with visiting(stage) as visitor:
        await visitor.ask("api", KEYS)
        found = [await visitor.ask("api", KEYS) for _ in range(REPEATS)]
    return sum(each.headers.get("X-Cache-Status") != "HIT" for each in found)


async def repeats_past_the_cache(stage: Stage) -> float:
    async with visiting(stage) as visitor:
        found = [await visitor.ask("api", KEYS, headers={"Cookie": "a=b"}) for _ in range(REPEATS)]
    return sum(each.headers.get("X-Cache-Status") != "HIT" for each in found)


async def attacks_let_through(stage: Stage) -> float:
    async with visiting(stage) as visitor:
        found = [await visitor.ask("api", path, method, body=body) for method, path, body in ATTACKS]
    return sum(each.status != FORBIDDEN for each in found)


async def attacks_at_the_gateway(stage: Stage) -> float:
    async with visiting(stage) as visitor:
        found = [await visitor.past("api-gateway-1", path, method, body=body) for method, path, body in ATTACKS]
    return sum(each.status != FORBIDDEN for each in found)


async def flood_past_the_limit(stage: Stage) -> float:
    """Flood from one address: how many more than the limit allows come to a service."""

    async def ask(visitor: Visitor, path: str) -> Answer:
        return await visitor.ask("api", path)

    return await _flooded(stage, ask)


async def flood_at_the_gateway(stage: Stage) -> float:
    async def ask(visitor: Visitor, path: str) -> Answer:
        return await visitor.past("api-gateway-1", path)

    return await _flooded(stage, ask)


async def _flooded(stage: Stage, ask: Callable[[Visitor, str], Awaitable[Answer]]) -> float:
    limit = next(each for each in stage.topology.rate_limits if each.per == "ip" and each.scope == "*")
    async with visiting(stage) as visitor:
        pending = [f"/v1/artists/flood-{stage.run}-{number}" for number in range(FLOOD)]
        began_s = time.monotonic()

        async def some() -> int:
            count = 0
            while pending:
                # A service counts for itself and says so in its answer; the edge refuses without asking it.
                answer = await ask(visitor, pending.pop())
                count += answer.status != TOO_MANY or "X-RateLimit-Limit" in answer.headers
            return count

        came = sum(await asyncio.gather(*(some() for _ in range(AT_ONCE))))
        took_s = time.monotonic() - began_s
    # nginx holds `burst` in reserve beside the rate, and the first request is free.
    allowed = 1 + (limit.burst_per_s or 0) + limit.count / limit.window_s * took_s
    return max(0, round(came - allowed))


PROBES: Final = (
    Probe(
        name="domain-hosts",
        measure=hosts_that_answer,
        sabotage=Weakened(removes="ws-balancer is lost", deed=processes.lost(processes.every(BALANCER))),
        is_quick=False,
    ),
    Probe(
        name="domain-api",
        measure=answers("api"),
        sabotage=Weakened(removes="both API gateways are lost", deed=processes.lost(processes.every(GATEWAY))),
        is_quick=False,
    ),
    Probe(
        name="domain-ws",
        measure=answers("ws"),
        sabotage=Weakened(removes="ws-balancer is lost", deed=processes.lost(processes.every(BALANCER))),
        is_quick=False,
    ),
    *(
        Probe(
            name=name,
            measure=header(field, value, ask=_through),
            sabotage=Weakened(
                removes="a service is asked past edge and gateway", measure=header(field, value, ask=_behind)
            ),
        )
        for name, (field, value) in HEADERS.items()
    ),
    Probe(
        name="edge-tls",
        measure=plain_answers,
        sabotage=Weakened(removes="the gateway is asked past the edge", measure=plain_answers_of_the_gateway),
    ),
    Probe(
        name="edge-cache",
        measure=repeats_that_reach_the_origin,
        sabotage=Weakened(
            removes="the question has a cookie, which bypasses the cache", measure=repeats_past_the_cache
        ),
    ),
    Probe(
        name="edge-waf",
        measure=attacks_let_through,
        sabotage=Weakened(removes="the gateway is asked past the edge", measure=attacks_at_the_gateway),
    ),
    Probe(
        name="edge-ddos",
        measure=flood_past_the_limit,
        sabotage=Weakened(removes="the gateway is flooded past the edge", measure=flood_at_the_gateway),
    ),
)
