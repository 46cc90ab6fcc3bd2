"""A pod that dies, drains or fails costs no read, and a write is never repeated once it may have arrived."""

import asyncio
from collections import Counter

import aiohttp
import pytest
from tests.component.gateway.conftest import SERVICES, Gate, Services, Tokens

from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

ME = "/v1/user/profile"
READERS = 8


async def served(services: Services, gate: Gate, tokens: Tokens) -> set[str]:
    answers = [await gate.ask(ME, headers=tokens.bearer()) for _ in range(12)]
    return {answer.json["pod"] for answer in answers if answer.status == 200}


async def all_serving(services: Services, gate: Gate, tokens: Tokens) -> None:
    async def probe() -> None:
        found = await served(services, gate, tokens)
        if found != set(SERVICES):
            raise NotReady(f"only {sorted(found)} serve")

    await wait_for(probe, within_s=15, saying="every pod serves again")


async def read_until(stop: asyncio.Event, gate: Gate, sent: dict[str, str]) -> Counter[int]:
    seen: Counter[int] = Counter()
    while not stop.is_set():
        seen[(await gate.ask(ME + "?delay_ms=5", headers=sent)).status] += 1
    return seen


async def test_killing_a_pod_under_load_loses_no_read(gate: Gate, services: Services, tokens: Tokens) -> None:
    await all_serving(services, gate, tokens)
    stop, sent = asyncio.Event(), tokens.bearer()
    readers = [asyncio.create_task(read_until(stop, gate, sent)) for _ in range(READERS)]
    for name in SERVICES[:2]:
        await services.kill(name)
        before = len(await served(services, gate, tokens))
        assert before >= 1
        await services.start(services.specs[name])
        await all_serving(services, gate, tokens)
    stop.set()
    seen = sum(await asyncio.gather(*readers), Counter[int]())
    assert set(seen) == {200}, seen
    assert seen[200] > 100, "a check that saw no traffic proves nothing"


async def test_killing_a_gateway_under_load_loses_no_read(gate: Gate, services: Services, tokens: Tokens) -> None:
    stop, sent = asyncio.Event(), tokens.bearer()
    readers = [asyncio.create_task(read_until(stop, gate, sent)) for _ in range(READERS)]
    second = services.gateways[1]
    await services.kill(second.name)
    assert await served(services, gate, tokens)
    await services.start(second)
    stop.set()
    seen = sum(await asyncio.gather(*readers), Counter[int]())
    assert set(seen) == {200}, seen


async def test_a_draining_pod_gets_nothing_new(gate: Gate, services: Services, tokens: Tokens) -> None:
    await all_serving(services, gate, tokens)
    draining = SERVICES[1]
    url = f"http://127.0.0.1:{services.port(draining)}/_drain"
    async with gate.session.get(url, params={"on": "1"}):
        pass

    async def left() -> None:
        if draining in (found := await served(services, gate, tokens)):
            raise NotReady(f"{sorted(found)} serve")

    await wait_for(left, within_s=5, saying=f"{draining} gets no requests")
    async with gate.session.get(url, params={"on": "0"}):
        pass
    await all_serving(services, gate, tokens)


async def test_a_503_of_one_pod_is_tried_elsewhere_for_reads_only(
    gate: Gate, services: Services, tokens: Tokens
) -> None:
    await all_serving(services, gate, tokens)
    before = await counts(gate, services)
    read = await gate.ask(ME + "?status=503", headers=tokens.bearer(), at_gateway=True)
    between = await counts(gate, services)
    write = await gate.ask(ME + "?status=503", "PUT", json={}, headers=tokens.bearer(), at_gateway=True)
    after = await counts(gate, services)
    assert (read.status, write.status) == (503, 503)
    assert sum(between.values()) - sum(before.values()) > 1
    assert sum(after.values()) - sum(between.values()) == 1


async def counts(gate: Gate, services: Services) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in SERVICES:
        async with gate.session.get(f"http://127.0.0.1:{services.port(name)}/_count") as response:
            found[name] = (await response.json())["served"]
    return found


async def test_a_write_whose_pod_dies_is_not_repeated(gate: Gate, services: Services, tokens: Tokens) -> None:
    await all_serving(services, gate, tokens)
    before = await counts(gate, services)
    answer = await gate.ask(ME + "?die=1", "PUT", json={}, headers=tokens.bearer())
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    dead = [name for name in SERVICES if not await is_up(gate, services, name)]
    assert len(dead) == 1, "exactly one pod saw the write"
    before.pop(dead[0])
    await services.kill(dead[0])
    await services.start(services.specs[dead[0]])
    await all_serving(services, gate, tokens)
    assert before


async def is_up(gate: Gate, services: Services, name: str) -> bool:
    try:
        async with gate.session.get(f"http://127.0.0.1:{services.port(name)}/_count") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def test_writes_reach_a_living_pod_when_another_is_dead(gate: Gate, services: Services, tokens: Tokens) -> None:
    await all_serving(services, gate, tokens)
    await services.kill(SERVICES[2])
    answers = [await gate.ask(ME, "PUT", json={}, headers=tokens.bearer()) for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    await services.start(services.specs[SERVICES[2]])
    await all_serving(services, gate, tokens)


async def test_the_deadline_is_passed_on_and_kept(gate: Gate, tokens: Tokens) -> None:
    answer = await gate.ask("/health?delay_ms=7000", at_gateway=True)
    assert answer.status == 504
    assert answer.headers["Content-Type"] == "application/json"
