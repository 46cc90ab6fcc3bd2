"""Idempotency-Key through the whole pipeline: one effect and one answer, whatever is repeated, crossed or lost."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.kernel.conftest import Answer, Client, Names, settings

from audifi.kernel.database import Database
from audifi.kernel.http import Access, Body, Call, Kernel, Operation, Reply, application
from audifi.kernel.limits import Limit, Per
from audifi.wire import headers
from audifi.wire.problems import Conflict, Unavailable

pytestmark = pytest.mark.asyncio
ADA = {"authorization": "Bearer ada,none,USER"}
BOB = {"authorization": "Bearer bob,none,USER"}
TWICE = Limit(rule="test-twice", count=2, window_s=86_400, per=Per.USER, only_done=True)


class Thing(Body):
    """What to make."""

    id: int
    name: str


class Made(Reply):
    """What was made."""

    id: int


class Things:
    """A service that makes things, with a switch for each way to fail."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.began = asyncio.Event()
        self.is_stuck = False
        self.is_stuck_before_commit = False
        self.problem: Exception | None = None
        self.runs = 0
        verifier: Any = Names()
        kernel = Kernel(settings=settings(), deps=None, verifier=verifier, database=database)
        operations = [
            self._operation("/settled", self.settled),
            self._operation("/plain", self.plain),
            replace(self._operation("/limited", self.settled), limits=(TWICE,)),
        ]
        self.client = Client(application(operations, kernel=kernel, title="t", version="1"))

    def _operation(self, path: str, handler: Any) -> Operation:
        return Operation(
            method="POST", path=path, handler=handler, summary="Make", tag="t", access=Access.USER, body=Thing,
            reply=Made, status=201, errors=(Conflict,), idempotent=True,
        )  # fmt: skip

    async def settled(self, call: Call[None], body: Thing) -> Made:
        """Store effect and answer in one transaction."""
        async with self.database.transaction() as tx:
            await self._make(tx, body)
            await call.settle(tx, Made(body.id))
        await self._maybe_stuck(is_committed=True)
        return Made(body.id)

    async def plain(self, _: Call[None], body: Thing) -> Made:
        """Leave storing the answer to the pipeline."""
        async with self.database.transaction() as tx:
            await self._make(tx, body)
        return Made(body.id)

    async def _make(self, tx: Any, body: Thing) -> None:
        self.runs += 1
        if self.problem is not None:
            raise self.problem
        await tx.execute("INSERT INTO things (id, name) VALUES ($1 + (SELECT count(*) FROM things), $2)", body.id, "x")
        await self._maybe_stuck(is_committed=False)

    async def _maybe_stuck(self, *, is_committed: bool) -> None:
        if self.is_stuck and self.is_stuck_before_commit != is_committed:
            self.began.set()
            await asyncio.Event().wait()

    async def post(
        self, key: str | None, *, path: str = "/settled", name: str = "a", who: dict[str, str] = ADA
    ) -> Answer:
        sent = {**who, headers.IDEMPOTENCY_KEY: key} if key is not None else who
        body = b'{"id":1,"name":"%b"}' % name.encode()
        return await self.client.call("POST", path, body=body, headers=sent)

    async def dies(self, key: str, *, before_commit: bool) -> None:
        """A pod that takes a request and is gone in the middle of it."""
        self.is_stuck, self.is_stuck_before_commit = True, before_commit
        request = asyncio.create_task(self.post(key))
        await asyncio.wait_for(self.began.wait(), 10)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        self.is_stuck = False

    async def lease_ends(self) -> None:
        async with self.database.transaction() as tx:
            await tx.execute("UPDATE idempotency_keys SET lease_until = now() - interval '1 s' WHERE status IS NULL")

    async def effects(self) -> int:
        row = await self.database.row("SELECT count(*) AS n FROM things", primary=True)
        assert row is not None
        return int(row["n"])


@pytest.fixture
def things(database: Database) -> Things:
    return Things(database)


@pytest.mark.parametrize("path", ["/settled", "/plain"])
async def test_the_second_request_gets_the_first_answer_and_has_no_effect(things: Things, path: str) -> None:
    first = await things.post("k", path=path)
    again = await things.post("k", path=path)
    assert (first.status, first.body) == (again.status, again.body) == (201, b'{"data":{"id":1}}')
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert (await things.effects(), things.runs) == (1, 1)


async def test_the_key_with_another_body_is_refused(things: Things) -> None:
    await things.post("k")
    other = await things.post("k", name="b")
    assert (other.status, other.code) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert await things.effects() == 1


async def test_a_key_is_its_users_and_its_paths_own(things: Things) -> None:
    answers = [await things.post("k"), await things.post("k", who=BOB), await things.post("k", path="/plain")]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert await things.effects() == 3


async def test_without_a_key_each_request_counts(things: Things) -> None:
    assert [(await things.post(None)).status for _ in range(2)] == [201, 201]
    assert await things.effects() == 2


@pytest.mark.parametrize("key", ["k" * 65, "schlüssel", "tab\there"])
async def test_a_key_that_cannot_be_one_is_refused(things: Things, key: str) -> None:
    assert (await things.post(key)).status == 400
    assert await things.effects() == 0


@pytest.mark.parametrize("path", ["/settled", "/plain"])
async def test_many_at_once_have_one_effect(things: Things, path: str) -> None:
    answers = await asyncio.gather(*(things.post("k", path=path) for _ in range(20)))
    codes = {answer.status if answer.status == 201 else answer.code for answer in answers}
    assert codes <= {201, "REQUEST_IN_PROGRESS"}
    assert 201 in codes
    assert await things.effects() == 1
    assert (await things.post("k", path=path)).status == 201


async def test_a_pod_that_died_before_its_commit_is_taken_over_after_its_lease(things: Things) -> None:
    await things.dies("k", before_commit=True)
    assert await things.effects() == 0
    meanwhile = await things.post("k")
    assert (meanwhile.status, meanwhile.code) == (409, "REQUEST_IN_PROGRESS")
    assert int(meanwhile.headers["retry-after"]) >= 1
    await things.lease_ends()
    heirs = await asyncio.gather(*(things.post("k") for _ in range(5)))
    assert 201 in {heir.status for heir in heirs}
    assert await things.effects() == 1


async def test_a_pod_that_died_after_its_commit_has_left_its_answer(things: Things) -> None:
    await things.dies("k", before_commit=False)
    again = await things.post("k")
    assert (again.status, again.headers.get("idempotency-replayed")) == (201, "true")
    assert await things.effects() == 1


async def test_a_refusal_is_final_and_an_outage_is_not(things: Things) -> None:
    things.problem = Unavailable("a provider is away")
    assert (await things.post("outage")).status == 503
    things.problem = Conflict("no")
    assert (await things.post("refusal")).status == 409
    things.problem = None
    assert (await things.post("outage")).status == 201
    refused = await things.post("refusal")
    assert (refused.status, refused.headers.get("idempotency-replayed")) == (409, "true")
    assert await things.effects() == 1


async def test_what_may_have_taken_effect_is_not_tried_again_before_its_lease(things: Things) -> None:
    things.problem = Unavailable("the connection was lost during COMMIT", may_have_taken_effect=True)
    assert (await things.post("k")).status == 503
    things.problem = None
    assert (await things.post("k")).code == "REQUEST_IN_PROGRESS"
    await things.lease_ends()
    assert (await things.post("k")).status == 201


async def test_trying_again_does_not_use_up_what_may_be_done_in_an_hour(things: Things) -> None:
    things.problem = Unavailable("a provider is away")
    assert {(await things.post("k", path="/limited")).status for _ in range(5)} == {503}
    things.problem = None
    assert {(await things.post("k", path="/limited")).status for _ in range(5)} == {201}
    assert [(await things.post(key, path="/limited")).status for key in ("l", "m", "k")] == [201, 429, 429]
    assert await things.effects() == 2
