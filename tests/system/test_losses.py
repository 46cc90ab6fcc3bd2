"""Lose a process under load: what the person outside notices.

Between: the SDK through the public endpoints, kill -9, and SQL (only to count what was kept).
Units: *_s seconds at the client.
Source: budgets of architecture.md section 7 (≤ 5 s for a killed primary; no acknowledged write lost).
"""

import asyncio
import os
import secrets
import signal
from collections import Counter

import psycopg
import pytest
from tests.system.conftest import Figure, everything_is_ready
from tests.system.visitors import ONCE, Visitors
from tests.system.workload import History, reading, running, writing

from audifi.local import launch
from audifi.local.held import Held
from audifi.local.probes import http_json
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import RetryPolicy

BUDGET_S = 5.0
BACK_WITHIN_S = 60.0
READERS = 12
WRITERS = 12
PATIENT = RetryPolicy(attempts=20, first_s=0.1, wait_s_max=0.5, deadline_s=25)


async def pid_of(platform: Held, pod: str) -> int:
    pid = (await platform.units())[pod]["pid"]
    assert isinstance(pid, int), f"{pod} does not run"
    return pid


async def has_another_pid(platform: Held, pod: str, former: int) -> None:
    unit = (await platform.units())[pod]
    if unit["state"] != "ready" or unit["pid"] == former:
        raise NotReady(f"{pod} is {unit['state']} with pid {unit['pid']}")


@pytest.mark.asyncio
async def test_no_request_fails_when_an_auth_pod_is_killed(people: Visitors, platform: Held, figure: Figure) -> None:
    readers = await asyncio.gather(*(people.signed_in(retries=ONCE) for _ in range(READERS)))
    history = History()
    async with running(reading(readers[::2], history), reading(readers[1::2], history)):
        await wait_for(lambda: history.has(20), within_s=30, saying="reads flow")
        victim = await pid_of(platform, "auth-service-2")
        os.kill(victim, signal.SIGKILL)
        await wait_for(
            lambda: has_another_pid(platform, "auth-service-2", victim),
            within_s=BACK_WITHIN_S,
            saying="the pod is back",
        )
    figure("auth pod killed: requests answered", len(history.acknowledged), "requests")
    figure("auth pod killed: longest gap", history.longest_gap_s(), "s")
    assert not history.failures, history.failures[:5]


@pytest.mark.asyncio
async def test_no_request_fails_while_the_auth_pods_are_restarted_one_by_one(
    people: Visitors, platform: Held, figure: Figure
) -> None:
    readers = await asyncio.gather(*(people.signed_in(retries=ONCE) for _ in range(READERS)))
    history = History()
    async with running(reading(readers, history)):
        await wait_for(lambda: history.has(20), within_s=30, saying="reads flow")
        restarted = [each["name"] async for each in launch.restart(platform.instance, "auth-service")]
    assert len(set(restarted)) == 3
    figure("rolling restart: requests answered", len(history.acknowledged), "requests")
    assert not history.failures, history.failures[:5]


@pytest.mark.asyncio
async def test_a_killed_gateway_is_not_noticed_by_a_client_that_tries_again(
    people: Visitors, platform: Held, figure: Figure
) -> None:
    readers = await asyncio.gather(*(people.signed_in(retries=PATIENT) for _ in range(READERS)))
    history = History()
    async with running(reading(readers, history)):
        await wait_for(lambda: history.has(20), within_s=30, saying="reads flow")
        victim = await pid_of(platform, "api-gateway-1")
        os.kill(victim, signal.SIGKILL)
        await wait_for(
            lambda: has_another_pid(platform, "api-gateway-1", victim), within_s=BACK_WITHIN_S, saying="it is back"
        )
    figure("gateway killed: longest gap", history.longest_gap_s(), "s")
    assert not history.failures, history.failures[:5]
    assert history.longest_gap_s() <= BUDGET_S


@pytest.mark.asyncio
async def test_no_acknowledged_write_is_lost_or_doubled_when_the_database_primary_is_killed(
    people: Visitors, platform: Held, figure: Figure
) -> None:
    writers = await asyncio.gather(*(people.signed_in(retries=PATIENT) for _ in range(WRITERS)))
    prefix = f"lost-{secrets.token_hex(4)}"
    history = History()
    async with running(*(writing(each, history, prefix=prefix) for each in writers)):
        await wait_for(lambda: history.has(60), within_s=30, saying="writes flow")
        pod, postmaster = await primary(platform)
        os.kill(postmaster, signal.SIGKILL)
        count = len(history.acknowledged)
        await wait_for(lambda: history.has(count + 60), within_s=40, saying="writes flow again")
    kept = await kept_markers(platform, prefix)
    lost = set(history.acknowledged) - set(kept)
    doubled = [marker for marker, count in kept.items() if count > 1]
    figure("primary killed: longest gap between writes", history.longest_gap_s(), "s")
    figure("primary killed: acknowledged writes", len(history.acknowledged), "writes")
    figure("primary killed: refused to clients", len(history.failures), "writes")
    assert not lost, f"{len(lost)} of {len(history.acknowledged)} acknowledged writes are gone"
    assert not doubled, f"{len(doubled)} writes were made twice"
    assert history.longest_gap_s() <= BUDGET_S
    await wait_for(lambda: is_replica(platform, pod), within_s=BACK_WITHIN_S, saying=f"{pod} came back as a replica")


@pytest.mark.asyncio
async def test_reads_go_on_and_writes_soon_follow_when_a_redis_primary_is_killed(
    people: Visitors, platform: Held, figure: Figure
) -> None:
    persons = await asyncio.gather(*(people.signed_in(retries=PATIENT) for _ in range(READERS)))
    reads, writes = History(), History()
    half = len(persons) // 2
    prefix = f"redis-{secrets.token_hex(4)}"
    async with running(
        reading(persons[:half], reads), *(writing(each, writes, prefix=prefix) for each in persons[half:])
    ):
        await wait_for(lambda: writes.has(20), within_s=30, saying="writes flow")
        victim = await pid_of(platform, "redis-cluster-1")
        # Stopped first, so that not the supervisor's quick restart saves us but the cluster's own failover.
        os.kill(victim, signal.SIGSTOP)
        counts = len(reads.acknowledged), len(writes.acknowledged)
        try:
            await wait_for(lambda: writes.has(counts[1] + 20), within_s=30, saying="writes flow again")
            await wait_for(lambda: reads.has(counts[0] + 20), within_s=30, saying="reads went on")
        finally:
            os.kill(victim, signal.SIGKILL)
    figure("redis primary lost: longest gap between reads", reads.longest_gap_s(), "s")
    figure("redis primary lost: longest gap between writes", writes.longest_gap_s(), "s")
    assert not reads.failures, reads.failures[:5]
    assert writes.longest_gap_s() <= BUDGET_S
    assert set(writes.acknowledged) <= set(await kept_markers(platform, prefix))
    await wait_for(lambda: everything_is_ready(platform), within_s=BACK_WITHIN_S, saying="the former primary is back")


async def primary(platform: Held) -> tuple[str, int]:
    """The pod that is primary, and the number of its postmaster."""
    for pod in platform.topology.component("postgres").pods:
        member = await http_json(platform.port(pod, "rest"), "/patroni")
        if member.get("role") == "primary":
            pid_file = platform.instance.data(pod) / "pgdata" / "postmaster.pid"
            return pod, int((await asyncio.to_thread(pid_file.read_text)).splitlines()[0])
    raise NotReady("no primary")


async def is_replica(platform: Held, pod: str) -> None:
    member = await http_json(platform.port(pod, "rest"), "/patroni")
    if member.get("role") != "replica" or member.get("state") not in ("running", "streaming"):
        raise NotReady(f"{member}")


async def kept_markers(platform: Held, prefix: str) -> Counter[str]:
    """What the database holds, and how often."""
    told = platform.environment("auth-service-1")
    async with await psycopg.AsyncConnection.connect(
        told["DATABASE_WRITER_URL"], password=told["DATABASE_PASSWORD"], prepare_threshold=None
    ) as connection:
        query = "SELECT resource_id FROM auth.policy_consents WHERE resource_id LIKE %s"
        rows = await (await connection.execute(query, (f"{prefix}-%",))).fetchall()
    return Counter(str(marker) for (marker,) in rows)
