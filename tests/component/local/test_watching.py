"""An alert goes all the way: a metric, a rule, Alertmanager, the receiver, and the word that it is over.

Between: tests and a small platform of one queue and everything that watches it (fixture `watched`).
"""

from collections.abc import Iterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from tests.support.instances import instance

from audifi.drills import alerts
from audifi.drills.journey.stage import Stage
from audifi.drills.timing import now_us
from audifi.local import knobs, launch
from audifi.local.held import Held
from audifi.local.sight import Sight
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio
ONLY = ("prometheus", "alertmanager", "slack", "pagerduty", "redis-exporter", "redis-queue")


@pytest.fixture(scope="module")
def watched(request: pytest.FixtureRequest) -> Iterator[Held]:
    with instance(request, "watching", ONLY) as running:
        yield running


async def test_a_lost_replica_pages_and_its_return_resolves(watched: Held) -> None:
    async with aiohttp.ClientSession() as http, AsyncExitStack() as opened:
        stage = Stage(watched.instance, watched.topology, http, opened, "test")
        await alerts.quiet(stage, within_s=30)
        async with alerts.listening(stage) as heard:
            cause_us = now_us()
            await launch.halt(watched.instance, "redis-queue-2", by_force=True)
            assert await heard.complaints(["QueueNotReplicated"], cause_us=cause_us) == ()
            assert await heard.complaints(["PostgresWithoutPrimary"], cause_us=0) != (), "nobody is told of what is not"
            await launch.resume(watched.instance, "redis-queue-2")
            await wait_for(lambda: _is_over(heard, "QueueNotReplicated"), within_s=40, saying="the page is resolved")
        await alerts.quiet(stage, within_s=30)


async def test_every_pod_that_runs_has_a_target_and_every_rule_is_sound(watched: Held) -> None:
    sight = Sight(watched.instance)
    targets = await sight.targets()
    assert {each.component for each in targets} == {"prometheus", "alertmanager", "redis-queue"}
    assert [each for each in targets if not each.is_up] == []
    rules = await sight.rules()
    assert [rule["lastError"] for rule in rules if rule["health"] == "err"] == []
    assert "PostgresWithoutPrimary" not in {rule["name"] for rule in rules}, "no PostgreSQL runs here"


async def test_receivers_refuse_strangers_and_nonsense(watched: Held) -> None:
    slack = f"http://127.0.0.1:{watched.port('slack-1', 'http')}/services/T00000000/B00000000"
    pagerduty = f"http://127.0.0.1:{watched.port('pagerduty-1', 'http')}/v2/enqueue"
    known = {"routing_key": watched.secret("pagerduty-routing-key")}
    async with aiohttp.ClientSession() as http:
        for url, body, status in (
            (f"{slack}/guessed", {"text": "hello"}, 403),
            (f"{slack}/{watched.secret('slack-webhook-url')}", {}, 400),
            (pagerduty, {"routing_key": "guessed", "event_action": "resolve", "dedup_key": "k"}, 400),
            (pagerduty, {**known, "event_action": "trigger", "payload": {"summary": "s"}}, 400),
            (pagerduty, {**known, "event_action": "resolve"}, 400),
        ):
            async with http.post(url, json=body) as answer:
                assert answer.status == status, await answer.text()


async def test_a_receiver_misbehaves_on_request(watched: Held) -> None:
    control = watched.port("slack-1", "control")
    url = f"http://127.0.0.1:{watched.port('slack-1', 'http')}/services/T00000000/B00000000"
    async with aiohttp.ClientSession() as http:
        for fault, status in (("error_rate", 500), ("rate_limit_rate", 429)):
            await knobs.set_faults(control, chain=None, **{fault: 1.0})
            async with http.post(f"{url}/{watched.secret('slack-webhook-url')}", json={"text": "hello"}) as answer:
                assert answer.status == status
        await knobs.clear_faults(control)
    with pytest.raises(knobs.KnobRefused, match="lie between 0 and 1"):
        await knobs.set_faults(control, error_rate=2.0)


async def _is_over(heard: alerts.Heard, rule: str) -> None:
    if not any(each.rule == rule and each.is_over for each in await heard.received()):
        raise NotReady("still open")
