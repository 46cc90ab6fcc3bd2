"""Name what a WebSocket pod is told.

Between: topology.environments (computes the values) and __main__ (parses them once).
Why it is no ServiceSettings: it has no database and no queue.
Errors: kernel.settings lists every problem and exits 2.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from audifi.kernel.settings import Env, Secret
from audifi.wire import environment as names


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """The environment of one ws-gateway pod."""

    service: Annotated[str, Env(names.SERVICE)]
    pod: Annotated[str, Env(names.POD)]
    environment: Annotated[Literal["local", "staging", "production"], Env(names.ENVIRONMENT)]
    version: Annotated[str, Env(names.VERSION)]
    log_level: Annotated[Literal["debug", "info", "warn", "error"], Env(names.LOG_LEVEL)]
    http_host: Annotated[str, Env(names.HTTP_HOST)]
    http_port: Annotated[int, Env(names.HTTP_PORT, minimum=0, maximum=65535)]
    metrics_port: Annotated[int, Env(names.METRICS_PORT, minimum=0, maximum=65535)]
    drain_s: Annotated[float, Env(names.DRAIN_S, minimum=0)]
    redis_nodes: Annotated[tuple[str, ...], Env(names.REDIS_NODES)]
    redis_password: Annotated[Secret, Env(names.REDIS_PASSWORD)]
    internal_signing_key: Annotated[Secret, Env(names.INTERNAL_SIGNING_KEY)]
    token_issuer: Annotated[str, Env(names.TOKEN_ISSUER)]
    token_audience: Annotated[str, Env(names.TOKEN_AUDIENCE)]
    trusted_proxy_networks: Annotated[tuple[str, ...], Env(names.TRUSTED_PROXY_NETWORKS)]
    cors_origins: Annotated[tuple[str, ...], Env(names.CORS_ORIGINS)]
    jwks_url: Annotated[str, Env(names.JWKS_URL)]
    peers: Annotated[tuple[str, ...], Env(names.PEERS)]
    otlp_url: Annotated[str | None, Env(names.OTLP_URL)] = None
