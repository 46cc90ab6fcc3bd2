"""Render what happens to a request between its arrival and its route: hygiene, CORS, identity, floods, size.

Order is meaning. Hygiene first (a forged identity header or a request id that would break a log line is gone
before anything reads it), CORS before identity (a preflight carries no token), identity before limits of size
(nobody unknown makes us buffer).

Between: listener (puts them in order), routes (settings per row), replies (the headers).
Invariant: the token itself is passed on: services verify it again, and look up whether it was revoked.
Source: domain.md 2.0 (identity, request ids), 4 (tokens), 5.4, 5.7; Envoy 1.40 filter reference.
"""

from audifi.targets.envoy import routes
from audifi.targets.envoy.gateway import Cors, Gateway, Json
from audifi.targets.envoy.replies import OVERWRITE, security_headers
from audifi.wire import headers
from audifi.wire.routes import BODY_BYTES, FLOOD_PER_S, JWKS_CACHE_S

TYPE = "type.googleapis.com/"
HTTP = "envoy.extensions.filters.http"
JWKS_TIMEOUT_S = 2
TOKENS_CACHED = 1000  # verified signatures kept: http.md measured 187 -> 166 µs per request


def _filter(name: str, kind: str, config: Json) -> Json:
    return {"name": name, "typed_config": {"@type": TYPE + kind} | config}


def early_mutations() -> list[Json]:
    """Return what is removed before anything looks at the request, routing included."""
    mutations: list[Json] = [{"remove": name} for name in (*headers.IDENTITY, "X-Jwt-Payload")]
    mutations.append({"remove_on_match": {"key_matcher": {"prefix": "x-envoy-"}}})
    kind = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return [
        {
            "name": "envoy.http.early_header_mutation.header_mutation",
            "typed_config": {"@type": TYPE + kind, "mutations": mutations},
        }
    ]


def _header_is(name: str, matcher: Json) -> Json:
    return {
        "single_predicate": {
            "input": {
                "name": f"request-{name}",
                "typed_config": {
                    "@type": f"{TYPE}envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                    "header_name": name,
                },
            },
            "value_match": matcher,
        }
    }


def _regex(pattern: str) -> Json:
    return {"safe_regex": {"google_re2": {}, "regex": pattern}}


def _when(predicate: Json, name: str, config: Json) -> Json:
    """Wrap a header mutation so that it is skipped where the predicate holds."""
    skip = {
        "name": "skip",
        "typed_config": {"@type": f"{TYPE}envoy.extensions.filters.common.matcher.action.v3.SkipFilter"},
    }
    mutation = _filter("mutation", f"{HTTP}.header_mutation.v3.HeaderMutation", config)
    return {
        "name": name,
        "typed_config": {
            "@type": f"{TYPE}envoy.extensions.common.matching.v3.ExtensionWithMatcher",
            "xds_matcher": {"matcher_list": {"matchers": [{"predicate": predicate, "on_match": {"action": skip}}]}},
            "extension_config": mutation,
        },
    }


def request_id() -> Json:
    """Replace an id of another form: it would end up in logs and in the answer (domain.md 2.0)."""
    mutation = {
        "header": {"key": headers.REQUEST_ID, "value": "req_%UNIQUE_ID%"},
        "append_action": OVERWRITE,
    }
    good = _header_is(headers.REQUEST_ID.lower(), _regex(headers.REQUEST_ID_PATTERN.strip("^$")))
    return _when(good, "request-id", {"mutations": {"request_mutations": [{"append": mutation}]}})


def no_store() -> Json:
    """Forbid caches to keep an answer to somebody: whatever carries a token is about its bearer."""
    mutation = {"header": {"key": "Cache-Control", "value": "no-store"}, "append_action": OVERWRITE}
    anonymous = {"not_matcher": _header_is("authorization", _regex(".+"))}
    return _when(anonymous, "no-store", {"mutations": {"response_mutations": [{"append": mutation}]}})


def answer_headers() -> Json:
    """Set the design's headers on every answer, once, whatever the service said; remove what tells too much."""
    appended: list[Json] = [
        {"append": header} for header in security_headers() if header["header"]["key"] != "Cache-Control"
    ]
    appended.append(
        {"append": {"header": {"key": "Vary", "value": "Origin"}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}}
    )
    removed: list[Json] = [{"remove": name} for name in ("server", "x-powered-by")]
    removed.append({"remove_on_match": {"key_matcher": {"prefix": "x-envoy-"}}})
    return _filter(
        "answer-headers",
        f"{HTTP}.header_mutation.v3.HeaderMutation",
        {"mutations": {"response_mutations": [*appended, *removed]}},
    )


def cors_filter() -> Json:
    """Return the filter; its policy is on the virtual host."""
    return _filter("envoy.filters.http.cors", f"{HTTP}.cors.v3.Cors", {})


def cors_policy(cors: Cors) -> Json:
    """Return who may call from a browser; an origin that matches nothing gets no header at all."""
    exact = [{"exact": origin} for origin in cors.origins]
    patterns = [{"safe_regex": {"regex": pattern}} for pattern in cors.origin_patterns]
    return {
        "@type": f"{TYPE}{HTTP}.cors.v3.CorsPolicy",
        "allow_origin_string_match": [*exact, *patterns],
        "allow_methods": ", ".join(cors.methods),
        "allow_headers": ", ".join(cors.request_headers),
        "expose_headers": ", ".join(cors.exposed_headers),
        "max_age": str(cors.max_age_s),
        "allow_credentials": True,
    }


def jwt(gateway: Gateway) -> Json:
    """Return token verification: RS256 by the keys auth-service publishes, and nothing else.

    The keys carry `"alg": "RS256"` and are RSA: Envoy refuses a token whose algorithm is not its key's, `none`
    and HS256 included. Without an `exp` a token is refused too.
    """
    provider: Json = {
        "issuer": gateway.issuer,
        "audiences": [gateway.audience],
        "clock_skew_seconds": gateway.clock_skew_s,
        "require_expiration": True,
        "forward": True,
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "jwt_cache_config": {"jwt_cache_size": TOKENS_CACHED},
        "remote_jwks": {
            "http_uri": {
                "uri": f"http://{gateway.jwks_service}/.well-known/jwks.json",
                "cluster": gateway.jwks_service,
                "timeout": f"{JWKS_TIMEOUT_S}s",
            },
            "cache_duration": f"{JWKS_CACHE_S}s",
            "async_fetch": {"failed_refetch_duration": "1s"},
            "retry_policy": {"num_retries": 3, "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}},
        },
    }
    named = {"provider_name": "audifi"}
    return _filter(
        "envoy.filters.http.jwt_authn",
        f"{HTTP}.jwt_authn.v3.JwtAuthentication",
        {
            "providers": {"audifi": provider},
            "requirement_map": {
                "token": named,
                "optional": {"requires_any": {"requirements": [named, {"allow_missing": {}}]}},
            },
        },
    )


def flood_limit() -> Json:
    """Return the local bucket; rows carry their own numbers."""
    return {"name": "envoy.filters.http.local_ratelimit", "typed_config": routes.local_limit(FLOOD_PER_S)}


def body_limit() -> Json:
    """Hold a body until it is complete: a slow sender occupies us, not a service; too long a body is refused."""
    return _filter("envoy.filters.http.buffer", f"{HTTP}.buffer.v3.Buffer", {"max_request_bytes": BODY_BYTES})


def chain(gateway: Gateway) -> list[Json]:
    """Return every filter in order; answers pass them in reverse."""
    return [
        answer_headers(),
        request_id(),
        no_store(),
        cors_filter(),
        jwt(gateway),
        flood_limit(),
        body_limit(),
        _filter("envoy.filters.http.router", f"{HTTP}.router.v3.Router", {"suppress_envoy_headers": False}),
    ]
