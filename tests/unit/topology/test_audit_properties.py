"""Draw numbers: a rule that compares two of them speaks exactly when they are the wrong way round.

Between: pytest, hypothesis and topology.rules. The borders (equal, one off) are always among what is drawn.
"""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from audifi.topology.audit import audit
from audifi.topology.declaration import platform
from audifi.topology.model.compute import Resources
from audifi.topology.model.network import LinkKind, RetryOn
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note
from audifi.topology.rules import arrows, keeping, pods
from audifi.wire import channels

PRODUCTION = platform("production")
# No deadline: a shared machine may pause us, and how long an example takes is not the question here.
drawing = settings(deadline=None, max_examples=50)


def speaks(notes: Iterator[Note], rule: str) -> bool:
    return any(note.rule == rule for note in notes)


def with_resources(resources: Resources) -> Topology:
    changed = tuple(
        replace(component, resources=resources) if component.name == "auth-service" else component
        for component in PRODUCTION.components
    )
    return replace(PRODUCTION, components=changed)


mebibytes = st.integers(min_value=1, max_value=65_536)


@drawing
@given(mebibytes, mebibytes)
@example(256, 256)
@example(256, 255)
def test_a_memory_limit_is_refused_exactly_when_below_the_request(request_mib: int, limit_mib: int) -> None:
    size = Resources(cpu_request_m=1, memory_request_mib=request_mib, memory_limit_mib=limit_mib, source="drawn")
    assert speaks(pods.limits_cover_requests(with_resources(size)), "limit-below-request") == (limit_mib < request_mib)


@drawing
@given(st.integers(min_value=1, max_value=120_000))
@example(30_000)
@example(29_999)
def test_a_gateways_deadline_is_refused_exactly_when_the_call_below_may_outlive_it(deadline_ms: int) -> None:
    links = tuple(
        replace(link, deadline_ms=deadline_ms)
        if link.target == "payment-service" and link.kind is LinkKind.ROUTE
        else link
        for link in PRODUCTION.links
    )
    below_ms = max(link.deadline_ms or 0 for link in PRODUCTION.links_from("payment-service") if link.in_request)
    topology = replace(PRODUCTION, links=links)
    edge_ends_first = deadline_ms > 60_000
    assert speaks(arrows.deadlines_shrink(topology), "deadline-inverted") == (deadline_ms < below_ms or edge_ends_first)


@drawing
@given(st.integers(min_value=0, max_value=5), st.sampled_from(RetryOn), st.booleans())
def test_a_retry_is_unsafe_exactly_when_it_may_repeat_any_write(retries: int, retry_on: RetryOn, writes: bool) -> None:
    link = replace(PRODUCTION.links[0], retries=retries, retry_on=retry_on, writes=writes)
    notes = arrows.retries_are_safe(replace(PRODUCTION, links=(link,)))
    assert speaks(notes, "retry-unsafe") == (retries > 0 and retry_on is RetryOn.ANY and writes)


@drawing
@given(st.text(min_size=1, max_size=8).filter(lambda tag: not set("{}") & set(tag)))
@example("s2")
@example("123456789")
def test_a_tag_is_refused_exactly_when_the_code_would_put_its_keys_on_another_master(tag: str) -> None:
    groups = PRODUCTION.stores.redis_cluster.tags
    first, last = groups[0].first_slot, groups[0].last_slot
    cluster = replace(PRODUCTION.stores.redis_cluster, tags=(replace(groups[0], tags=(tag,)), *groups[1:]))
    topology = replace(PRODUCTION, stores=replace(PRODUCTION.stores, redis_cluster=cluster))
    lands = channels.slot(f"session:{{{tag}}}:x")
    assert speaks(keeping.hash_tags_fit(topology), "hash-tag") == (not first <= lands <= last)


@drawing
@given(st.integers(min_value=1, max_value=300))
@example(55)
@example(89)
@example(90)
def test_a_recovery_is_refused_exactly_when_promised_before_the_loss_is_noticed(noticed_s: int) -> None:
    postgres = replace(PRODUCTION.stores.postgres, node_loss_detection_s=noticed_s)
    topology = replace(PRODUCTION, stores=replace(PRODUCTION.stores, postgres=postgres))
    assert speaks(keeping.recovery_time_is_possible(topology), "rto-below-detection") == (noticed_s >= 90)


@drawing
@given(
    st.lists(st.sampled_from(PRODUCTION.components), unique=True),
    st.lists(st.sampled_from(PRODUCTION.links), unique=True),
)
def test_the_audit_judges_any_part_of_the_platform_without_failing(
    components: list[object], links: list[object]
) -> None:
    part = replace(PRODUCTION, components=tuple(components), links=tuple(links))  # pyright: ignore[reportArgumentType]
    notes = audit(part)
    assert all(note.reason and note.remedy for note in notes)
    assert audit(part) == notes
