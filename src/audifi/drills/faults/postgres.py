"""Break PostgreSQL: kill or freeze its primary, hand over, fill its disk; and take its protections away.

Between: drills.catalogue.postgres, Patroni's REST interface (asks and tells) and faults.processes (the signals).
Shape: three members; who leads is asked when it matters, of whoever answers.
Invariant: settings of the cluster are put back as they were declared; it is left with a primary and every member
streaming.
Units: *_s seconds.
Errors: NotReady while nobody leads; Mismatch when Patroni refuses; TimedOut when it does not come about.
Source: Patroni 4.1, "REST API" (PATCH /config, POST /switchover, GET /cluster), "Pause/Resume".
"""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from audifi.drills.drill import Deed, Scene
from audifi.drills.faults.processes import everything, stopped
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local import process, resolution
from audifi.local.components.postgres import SYNCHRONOUS
from audifi.local.probes import http_json
from audifi.local.process import ProcessId
from audifi.local.waiting import NotReady, wait_for

FINDS_WITHIN_S: Final = 30.0
SETTLES_WITHIN_S: Final = 90.0
SWITCHES_WITHIN_S: Final = 30.0
LOOKS_EVERY_S: Final = 0.1  # an answer takes Patroni 2-5 ms
PODS: Final = "postgres"


async def primary(scene: Scene) -> Sequence[str]:
    """The pod that leads now (a Choose)."""
    return (await leader(scene.stage),)


async def replica(scene: Scene) -> Sequence[str]:
    """One that follows and runs (a Choose)."""
    pods = scene.stage.topology.component(PODS).pods
    return (scene.dice.choice([pod for pod in pods if await _role(scene.stage, pod) == "replica"]),)


async def leader(stage: Stage, *, but: str = "") -> str:
    """Who leads and says so itself, other than `but`; waits for one."""

    async def found() -> str:
        for pod in stage.topology.component(PODS).pods:
            if pod != but and await _role(stage, pod) == "primary":
                return pod
        raise NotReady("no member leads")

    return await wait_for(found, within_s=FINDS_WITHIN_S, saying="PostgreSQL has a primary")


async def _role(stage: Stage, pod: str) -> str:
    try:
        member = await http_json(stage.port(pod, "rest"), "/patroni")
    except NotReady:  # it is down or frozen: it leads nobody
        return ""
    return str(member.get("role", "")) if member.get("state") == "running" else ""


async def whole(stage: Stage) -> None:
    """Wait until one leads, and all others stream and are counted on for commits: each of them may take over."""

    async def probe() -> None:
        members = await cluster(stage)
        leads = [member for member in members if member["role"] == "leader" and member["state"] == "running"]
        follow = [member for member in members if member["role"] in SYNCHRONOUS and member["state"] == "streaming"]
        if not leads or len(follow) != len(stage.topology.component(PODS).pods) - 1:
            raise NotReady(", ".join(f"{each['name']} {each['role']} {each['state']}" for each in members))

    await wait_for(probe, within_s=SETTLES_WITHIN_S, saying="PostgreSQL is whole", every_s=0.2)


async def cluster(stage: Stage) -> list[dict[str, Any]]:
    """Members as Patroni sees them: name, role, state."""
    found = await http_json(stage.port(await leader(stage), "rest"), "/cluster")
    return list(found["members"])


def followed(deed: Deed) -> Deed:
    """Note for the timeline who takes over while this breaks the primary, and leave only when PostgreSQL is whole."""

    @asynccontextmanager
    async def followed_deed(scene: Scene) -> AsyncGenerator[str]:
        watching = asyncio.create_task(_follow(scene, await leader(scene.stage)))
        try:
            async with deed(scene) as what:
                yield what
        finally:
            watching.cancel()
        await whole(scene.stage)

    return followed_deed


async def _follow(scene: Scene, before: str) -> None:
    """Until another one leads; the others know of the loss when none of them names the old one as leader any more."""
    others = [pod for pod in scene.stage.topology.component(PODS).pods if pod != before]
    while True:
        named = [name for pod in others if (name := await _leader_named_by(scene.stage, pod)) is not None]
        if named and before not in named:
            scene.mark("detected")
            if any([await _role(scene.stage, pod) == "primary" for pod in others]):
                scene.mark("failed_over")
                return
        await asyncio.sleep(LOOKS_EVERY_S)


async def _leader_named_by(stage: Stage, pod: str) -> str | None:
    """Whom this member takes for the leader; "" for nobody, None when it does not answer."""
    try:
        members = (await http_json(stage.port(pod, "rest"), "/cluster")).get("members", [])
    except NotReady:
        return None
    return next((str(member["name"]) for member in members if member["role"] == "leader"), "")


@asynccontextmanager
async def process_killed(scene: Scene) -> AsyncGenerator[str]:
    """Kill -9 to the primary's postmaster; its Patroni lives."""
    pod = await leader(scene.stage)
    number = await postmaster(scene.stage, pod)
    process.send([number], signal.SIGKILL)
    if not await asyncio.to_thread(process.until_ended, [number], FINDS_WITHIN_S):
        raise Mismatch(f"{pod}: the postmaster survived kill -9")
    yield f"kill -9 to the postmaster of {pod}, the primary"


@asynccontextmanager
async def database_frozen(scene: Scene) -> AsyncGenerator[str]:
    """SIGSTOP to every process of the primary's server; its Patroni lives and asks in vain."""
    pod = await leader(scene.stage)
    what = f"PostgreSQL of {pod}, the primary, frozen"
    async with stopped(scene.stage, what, await _server(scene.stage, pod)):
        yield what


@asynccontextmanager
async def guard_frozen(scene: Scene) -> AsyncGenerator[str]:
    """SIGSTOP to the primary's Patroni: the server goes on and does not know that it lost its lease."""
    pod = await leader(scene.stage)
    server = set(await _server(scene.stage, pod))
    guard = [each for each in await everything(scene.stage, [pod]) if each not in server]
    what = f"Patroni of {pod}, the primary, frozen"
    async with stopped(scene.stage, what, guard):
        yield what


@asynccontextmanager
async def switched_over(scene: Scene) -> AsyncGenerator[str]:
    """Have another member lead, as before maintenance; entered when it does."""
    before = await leader(scene.stage)
    after = await switch(scene.stage, before)
    yield f"{before} handed over to {after}"


@asynccontextmanager
async def stopped_by_hand(scene: Scene) -> AsyncGenerator[str]:
    """Shut the primary's server down without a word to Patroni."""
    pod = await leader(scene.stage)
    number = await postmaster(scene.stage, pod)
    process.send([number], signal.SIGINT)
    if not await asyncio.to_thread(process.until_ended, [number], FINDS_WITHIN_S):
        raise Mismatch(f"{pod}: the server does not shut down")
    yield f"the server of {pod}, the primary, shut down by hand"


async def switch(stage: Stage, before: str, to: str = "") -> str:
    """Hand over from the leader to this member, or to the best one; returns who leads."""
    wanted = {"leader": before} | ({"candidate": to} if to else {})
    await _tell(stage, before, "POST", "/switchover", wanted)
    return await wait_for(
        lambda: leader(stage, but=before), within_s=SWITCHES_WITHIN_S, saying=f"another one leads than {before}"
    )


@asynccontextmanager
async def nobody_takes_over(scene: Scene) -> AsyncGenerator[str]:
    """Pause Patroni (a sabotage)."""
    what = "Patroni is paused: nobody takes over"
    async with scarred(scene.stage, what, settle, settings=json.dumps({"pause": None})):
        await configure(scene.stage, {"pause": True})
        await wait_for(lambda: _all_paused(scene.stage), within_s=FINDS_WITHIN_S, saying="Patroni is paused")
        yield what


@asynccontextmanager
async def commits_wait_for_nobody(scene: Scene) -> AsyncGenerator[str]:
    """Acknowledge commits before any disk has them, the primary's own included (a sabotage)."""
    what = "commits are acknowledged before any disk has them"
    back = {"synchronous_commit": None, "wal_writer_delay": None}
    async with scarred(scene.stage, what, settle, settings=json.dumps({"postgresql": {"parameters": back}})):
        changed = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
        await configure(scene.stage, {"postgresql": {"parameters": changed}})
        yield what


async def settle(stage: Stage, told: Told) -> None:
    """Put settings of the cluster back (an undo)."""
    await configure(stage, json.loads(str(told["settings"])))


async def configure(stage: Stage, change: dict[str, Any]) -> None:
    """Change settings of the whole cluster: null takes one away. Whoever answers keeps them for all."""
    failed = ""
    for pod in stage.topology.component(PODS).pods:
        try:
            return await _tell(stage, pod, "PATCH", "/config", change)
        except (aiohttp.ClientError, TimeoutError) as error:
            failed = str(error)
    raise Mismatch(f"no member of PostgreSQL takes settings: {failed}")


async def _tell(stage: Stage, pod: str, verb: str, path: str, body: dict[str, Any]) -> None:
    password = resolution.secret(stage.instance, stage.topology, "postgres-rest")
    url = f"http://127.0.0.1:{stage.port(pod, 'rest')}{path}"
    async with stage.http.request(
        verb, url, json=body, auth=aiohttp.BasicAuth("patroni", password), timeout=aiohttp.ClientTimeout(60)
    ) as answer:
        text = await answer.text()
        if not answer.ok:
            raise Mismatch(f"{verb} {path} of {pod} answered {answer.status}: {text[:300]}")


async def _all_paused(stage: Stage) -> None:
    for pod in stage.topology.component(PODS).pods:
        member = await http_json(stage.port(pod, "rest"), "/patroni")
        if not member.get("pause"):
            raise NotReady(f"{pod} is not paused yet")


async def postmaster(stage: Stage, pod: str) -> int:
    """Return the number of a member's server; 0 when none runs."""
    path = stage.instance.data(pod) / "pgdata" / "postmaster.pid"
    try:
        return int((await asyncio.to_thread(path.read_text)).splitlines()[0])
    except FileNotFoundError:
        return 0


async def _server(stage: Stage, pod: str) -> list[ProcessId]:
    number = await postmaster(stage, pod)
    numbers = [number, *await asyncio.to_thread(process.descendants, number)]
    return [process.identify(number) for number in numbers]
