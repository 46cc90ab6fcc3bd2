"""Follow arrows of drawn topologies: whatever they are, the order and the closures keep their word.

Between: pytest, hypothesis and topology.graph. No sockets, no files.
Shape: up to 8 components with readiness links drawn at random; ours for what a person types.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audifi.topology.declaration import platform
from audifi.topology.graph import (
    StartOrderCycle,
    failure_domains,
    needed_by,
    resolve,
    start_order,
    waits_for,
)
from audifi.topology.model.compute import Component, Kind, Zone
from audifi.topology.model.network import Link, LinkKind
from audifi.topology.model.whole import Topology

NAMES = tuple("abcdefgh")
LOCAL = platform("local")
# No deadline: a shared machine may pause us, and how long an example takes is not the question here.
drawing = settings(deadline=None, max_examples=50)


def drawn(pairs: set[tuple[str, str]]) -> Topology:
    components = tuple(
        Component(name=name, kind=Kind.SERVICE, purpose="", zone=Zone.PRIVATE, replicas=1, ports=(), source="test")
        for name in NAMES
    )
    links = tuple(
        Link(
            source=source,
            target=target,
            port="http",
            kind=LinkKind.CALL,
            purpose="",
            connect_ms=1,
            deadline_ms=1,
            readiness=True,
            source_text="test",
        )
        for source, target in sorted(pairs)
    )
    return replace(LOCAL, components=components, links=links)


def _reaches_itself(arrows: set[tuple[str, str]]) -> bool:
    """Whether some component waits for itself: by the transitive closure, another way than the code's."""
    closure = set(arrows)
    for middle in NAMES:
        closure |= {(a, d) for a, b in closure if b == middle for c, d in closure if c == middle}
    return any(a == b for a, b in closure)


pairs = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=20)
forward = pairs.map(lambda drawn_pairs: {(b, a) if a < b else (a, b) for a, b in drawn_pairs if a != b})


@drawing
@given(forward)
def test_whatever_waits_starts_later_and_everything_starts_once(arrows: set[tuple[str, str]]) -> None:
    topology = drawn(arrows)
    layers = start_order(topology)
    place = {name: number for number, layer in enumerate(layers) for name in layer}
    assert sorted(place) == list(NAMES)
    assert all(place[target] < place[source] for source, target in arrows)


@drawing
@given(pairs)
def test_an_order_exists_exactly_when_there_is_no_cycle(arrows: set[tuple[str, str]]) -> None:
    topology = drawn(arrows)
    if _reaches_itself(arrows):
        with pytest.raises(StartOrderCycle) as caught:
            start_order(topology)
        members = caught.value.members
        following = (*members[1:], members[0])
        assert all(pair in arrows for pair in zip(members, following, strict=True))
    else:
        assert {name for layer in start_order(topology) for name in layer} == set(NAMES)


@drawing
@given(pairs, st.sampled_from(NAMES))
def test_what_is_needed_is_closed_and_no_larger_than_it_must_be(arrows: set[tuple[str, str]], name: str) -> None:
    topology = drawn(arrows)
    needed = set(needed_by(topology, [name]))
    assert name in needed
    assert all(waits_for(topology, member) <= needed for member in needed)
    reached = {name}
    for _ in NAMES:
        reached |= {target for source, target in arrows if source in reached}
    assert needed == reached


@drawing
@given(pairs)
def test_a_failure_domain_is_the_reverse_of_what_is_needed(arrows: set[tuple[str, str]]) -> None:
    topology = drawn(arrows)
    for domain in failure_domains(topology):
        for other in NAMES:
            takes = other in domain.takes_down
            assert takes == (other != domain.lost and domain.lost in needed_by(topology, [other]))


def test_only_auth_brings_up_just_what_auth_needs() -> None:
    assert set(needed_by(platform("local"), ["auth"])) == {
        "etcd",
        "postgres",
        "postgres-services",
        "pgbouncer",
        "redis-cluster",
        "redis-queue",
        "mail",
        "auth-service",
        "api-gateway",
        "edge",
    }


def test_only_a_store_brings_up_no_gateway() -> None:
    assert needed_by(platform("local"), ["redis-cluster"]) == ("redis-cluster",)


def test_the_platform_starts_stores_before_services_and_the_edge_last() -> None:
    layers = start_order(platform("local"), needed_by(platform("local"), ["auth"]))
    flat = [name for layer in layers for name in layer]
    assert flat.index("etcd") < flat.index("postgres") < flat.index("pgbouncer") < flat.index("auth-service")
    assert layers[-2:] == (("api-gateway",), ("edge",))


def test_losing_the_database_takes_down_what_cannot_serve_without_it_and_not_the_queue() -> None:
    (domain,) = [domain for domain in failure_domains(platform("local")) if domain.lost == "postgres"]
    assert domain.pods == ("postgres-1", "postgres-2", "postgres-3")
    assert {"pgbouncer", "auth-service", "edge"} <= set(domain.takes_down)
    assert not {"redis-queue", "redis-cluster", "mail", "etcd"} & set(domain.takes_down)


def test_a_person_may_shorten_a_name_but_not_invent_one() -> None:
    assert resolve(platform("local"), "auth").name == resolve(platform("local"), "auth-service").name == "auth-service"
    with pytest.raises(LookupError, match=r"no component 'atuh'.*auth-service"):
        resolve(platform("local"), "atuh")
