"""Hold the declaration to its word: sources everywhere, differences only where stated, and what processes are told.

Between: pytest and topology.declaration, topology.environments.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import pytest

from audifi.topology.declaration import platform
from audifi.topology.environments import LOCAL_NOW, process_environment
from audifi.topology.model.whole import Topology
from audifi.topology.references import (
    DatabaseUrl,
    DetectedPgBouncer,
    Endpoints,
    Joined,
    PodName,
    PublicKeys,
    PublicUrl,
    Secret,
    Url,
    Value,
    describe,
)
from audifi.topology.rules.keeping import slot
from audifi.topology.secrets import WITH_DATABASE, WITH_IDENTITY
from audifi.wire import environment as names
from audifi.wire.live import protocol
from audifi.wire.live.addresses import Affinity

ENVIRONMENTS = ["local", "staging", "production"]
AUTH_ONLY = {names.ENCRYPTION_KEYS, names.CORS_ORIGINS, names.PAYOUT_GRACE_S}


def items(value: object) -> Iterator[object]:
    """Every dataclass inside the topology."""
    if isinstance(value, tuple):
        for item in value:  # pyright: ignore[reportUnknownVariableType]  # any item is looked at
            yield from items(item)  # pyright: ignore[reportUnknownArgumentType]
    elif is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in fields(value):
            yield from items(getattr(value, field.name))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_item_says_where_it_comes_from(environment: str) -> None:
    for item in items(platform(environment)):
        for name in ("source", "source_text"):
            if hasattr(item, name) and type(item).__name__ != "Link":
                assert getattr(item, name), item
        if type(item).__name__ == "Link":
            assert getattr(item, "source_text"), item  # noqa: B009  # one attribute of one kind of item


def test_an_environment_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(KeyError, match=r"no environment 'prod'.*local, production, staging"):
        platform("prod")


def test_look_ups_say_what_exists() -> None:
    topology = platform("local")
    with pytest.raises(KeyError, match=r"no component 'auth'.*auth-service"):
        topology.component("auth")
    with pytest.raises(KeyError, match=r"no port 'grpc'.*http, metrics"):
        topology.component("auth-service").port("grpc")
    with pytest.raises(KeyError, match=r"no domain 'www2'.*apex"):
        topology.domain("www2")
    with pytest.raises(KeyError, match=r"no secret 'x'.*database-auth"):
        topology.secret("x")


def test_the_declaration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        platform("local").component("auth-service").replicas = 1  # type: ignore[misc]


def test_what_runs_on_one_machine_is_declared() -> None:
    running = {component.name for component in platform("local").components if component.runs_locally}
    assert running == LOCAL_NOW


def test_the_socket_keeps_to_the_protocols_numbers() -> None:
    live = platform("production").surface.websocket
    assert (live.ping_s, live.pong_s, live.misses) == (protocol.PING_S, protocol.PONG_S, protocol.MISSES_MAX)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_who_gives_tickets_knows_where_sockets_open_and_how(environment: str) -> None:
    told = process_environment(platform(environment), "vstudio-service")
    assert told[names.LIVE_URL] == PublicUrl(domain="ws", scheme="wss")
    assert told[names.WS_AFFINITY] == Affinity.TICKET


def test_environments_differ_only_where_they_say() -> None:
    production, staging, local = (platform(name) for name in ("production", "staging", "local"))
    for other in (staging, local):
        assert {c.name for c in production.components} <= {c.name for c in other.components}
        assert [s.name for s in other.secrets] == [s.name for s in production.secrets]
        assert other.rate_limits is production.rate_limits
        assert other.surface.headers is production.surface.headers
    assert [(c.name, c.replicas) for c in staging.components] == [(c.name, c.replicas) for c in production.components]
    only_here = {
        *("etcd", "postgres-services", "ethereum", "polygon", "base"),
        *("backups", "redis-exporter", "node-exporter"),  # a cluster's operators do what these do
    }
    assert {c.name for c in local.components} - {c.name for c in production.components} == only_here
    changed = {c.name for c in local.components if c.replicas != _replicas(production, c.name)}
    assert changed == {"pgbouncer", "prometheus", "alertmanager"} | only_here


def _replicas(topology: Topology, name: str) -> int:
    return next((component.replicas for component in topology.components if component.name == name), 0)


def test_hosts_by_environment() -> None:
    assert {d.name: d.host for d in platform("local").surface.domains} == {
        "apex": "audifi.localhost",
        "www": "www.audifi.localhost",
        "app": "app.audifi.localhost",
        "api": "api.audifi.localhost",
        "ws": "ws.audifi.localhost",
        "studio": "studio.audifi.localhost",
    }
    assert platform("staging").domain("api").host == "api.staging.audifi.io"
    assert platform("staging").domain("app").host == "staging.audifi.io"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_auth_is_told_everything_but_its_own_keys_address(environment: str) -> None:
    told = process_environment(platform(environment), "auth-service")
    every = {value for name, value in vars(names).items() if name.isupper()}
    optional = {names.OTLP_URL, names.MAIL_PASSWORD} if environment == "local" else set[str]()
    others = (set(process_environment(platform(environment), name)) for name in WITH_DATABASE)
    only_others = set[str]().union(*others) - set(told)  # chains, pins, payment, JWKS_URL
    mounted = {names.SETTINGS_DIRECTORY}  # the cluster's own way of telling (targets.kubernetes.configuration)
    assert every - set(told) == only_others | optional | mounted
    assert names.JWKS_URL in only_others
    assert set(told) <= every


@pytest.mark.parametrize("service", [name for name in WITH_DATABASE if name != "auth-service"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_other_services_verify_with_auths_keys_and_are_told_nothing_of_auths(environment: str, service: str) -> None:
    told = process_environment(platform(environment), service)
    assert told[names.JWKS_URL] == Url(
        scheme="http", component="auth-service", port="http", path="/.well-known/jwks.json"
    )
    assert not AUTH_ONLY & set(told)
    assert isinstance(told[names.DATABASE_WRITER_URL], DatabaseUrl)


def test_a_process_is_told_only_what_a_link_gives_it() -> None:
    topology = platform("local")
    without = replace(topology, links=tuple(link for link in topology.links if link.target != "redis-queue"))
    lost = set(process_environment(topology, "auth-service")) - set(process_environment(without, "auth-service"))
    assert lost == {names.QUEUE_URL, names.QUEUE_PASSWORD, names.QUEUE_WAIT_REPLICAS}
    assert names.DATABASE_WRITER_URL not in process_environment(topology, "ws-gateway")


def test_programs_that_are_not_ours_are_told_nothing() -> None:
    assert process_environment(platform("local"), "postgres") == {}


def test_values_are_late_bound() -> None:
    told = process_environment(platform("local"), "auth-service")
    assert told[names.POD] == PodName()
    assert told[names.REDIS_NODES] == Endpoints(component="redis-cluster", port="redis")
    assert told[names.DATABASE_PASSWORD] == Secret(name="database-auth")
    assert told[names.DATABASE_PREPARED_STATEMENTS] == DetectedPgBouncer()
    in_cluster = process_environment(platform("production"), "auth-service")
    assert in_cluster[names.DATABASE_PREPARED_STATEMENTS] == "true"
    assert in_cluster[names.TOKEN_ISSUER] == PublicUrl(domain="api")


def test_a_component_trusts_the_keys_of_its_declared_callers_and_nobody_else() -> None:
    told = process_environment(platform("production"), "coin-service")
    assert told[names.INTERNAL_CALLER_KEYS] == PublicKeys(
        secrets=("internal-nft-service", "internal-vstudio-service", "internal-worker")
    )
    assert process_environment(platform("production"), "worker")[names.INTERNAL_CALLER_KEYS] == PublicKeys(secrets=())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_origins_told_to_auth_are_those_the_gateway_allows(environment: str) -> None:
    topology = platform(environment)
    told = process_environment(topology, "auth-service")[names.CORS_ORIGINS]
    assert told == Joined(values=topology.surface.cors.origins)


def _is_late_bound(value: Value) -> bool:
    """A secret, or `name=` before one."""
    if isinstance(value, Joined):
        return all(_is_late_bound(part) for part in value.values if not str(part).endswith("="))
    return isinstance(value, Secret | PublicKeys)


EMPTY_BY_DEFAULT = {
    names.PEERS,  # auth-service calls nobody
    names.CHAIN_CONFIRMATIONS,
    names.CHAIN_ADMIN_ADDRESS,
    names.TREASURY_ADDRESS,
    names.PINATA_LEGACY_REGIONS,
    names.IPFS_GATEWAYS,
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_secret_is_shown(environment: str) -> None:
    topology = platform(environment)
    for name in WITH_IDENTITY:
        for variable, value in process_environment(topology, name).items():
            if variable.endswith(("PASSWORD", "_KEY", "_KEYS")):
                assert _is_late_bound(value), (name, variable)
            assert describe(value) or variable in EMPTY_BY_DEFAULT


def test_the_slot_of_a_tag_is_the_specifications() -> None:
    assert slot("123456789") == 0x31C3  # Redis Cluster specification, appendix: CRC16 of "123456789" is 31C3
