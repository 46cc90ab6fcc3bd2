"""One chain from several endpoints: what callers can rely on, call by call.

Between: clients.chain.pool.chain and simulated providers, in virtual time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.unit.chain.world import FACTS, FIRST_BLOCK, Simulated, Truth, pause, run

from audifi.clients.chain import CallerError, Chain, ChainUnavailable, Disagreement, MethodRefused
from audifi.clients.chain.pool.budget import Bucket
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.kernel import context
from audifi.kernel.context import Context

NAMES = ("alchemy", "infura", "third")


class Scene:
    """A chain over providers, which the test may spoil."""

    def __init__(self, count: int = 2, *, plans: dict[str, float] | None = None) -> None:
        self.truth = Truth()
        self.providers = [Simulated(self.truth, 0.01 * (n + 1)) for n in range(count)]
        buckets = {name: Bucket((plans or {}).get(name)) for name in NAMES}
        named = zip(NAMES, self.providers, strict=False)
        self.chain = Chain(FACTS, [Endpoint(name, provider, buckets[name]) for name, provider in named])

    def asked(self, method: str) -> list[int]:
        return [provider.requests[method] for provider in self.providers]


def play(
    act: Callable[[Scene], Awaitable[None]],
    count: int = 2,
    *,
    is_watched: bool = True,
    plans: dict[str, float] | None = None,
) -> None:
    """Run a scene and check that nothing of it is left."""

    async def staged() -> None:
        scene = Scene(count, plans=plans)
        running = asyncio.create_task(scene.chain.run()) if is_watched else None
        try:
            await act(scene)
        finally:
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            await scene.chain.close()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, left

    run(staged())


def test_the_same_question_is_asked_once() -> None:
    async def act(scene: Scene) -> None:
        asks = [scene.chain.call("eth_getBalance", ["0xaa", "latest"]) for _ in range(20)]
        assert len(set(await asyncio.gather(*asks))) == 1
        assert sum(scene.asked("eth_getBalance")) == 1

    play(act)


def test_a_cancelled_caller_leaves_the_answer_to_the_others() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        first, second = (asyncio.create_task(scene.chain.call("eth_getBalance", ["0xaa"])) for _ in range(2))
        await pause(0.005)
        first.cancel()
        assert int(await second, 16) >= FIRST_BLOCK
        assert first.cancelled()
        assert sum(scene.asked("eth_getBalance")) == 1

    play(act)


def test_the_last_caller_to_leave_takes_the_request_along() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        scene.providers[0].set("hang")
        asks = [asyncio.create_task(scene.chain.call("eth_getBalance", ["0xaa"])) for _ in range(3)]
        await pause(0.02)
        before = len(asyncio.all_tasks())
        for ask in asks:
            ask.cancel()
        await asyncio.gather(*asks, return_exceptions=True)
        await pause(0)
        assert len(asyncio.all_tasks()) <= before - 4, "three callers and their one request"

    play(act)


def test_answers_are_each_callers_own() -> None:
    async def act(scene: Scene) -> None:
        first = await scene.chain.call("eth_getBlockByNumber", [hex(FIRST_BLOCK - 50), False])
        first["hash"] = "changed"
        second = await scene.chain.call("eth_getBlockByNumber", [hex(FIRST_BLOCK - 50), False])
        assert second["hash"] != "changed"

    play(act)


def test_final_blocks_are_asked_for_once_and_young_ones_again() -> None:
    async def act(scene: Scene) -> None:
        for _ in range(3):
            await scene.chain.call("eth_getBalance", ["0xaa", hex(FIRST_BLOCK - 30)])
            await pause(5)
        assert sum(scene.asked("eth_getBalance")) == 1
        for _ in range(3):
            await scene.chain.call("eth_getBalance", ["0xaa", "latest"])
            await pause(5)
        assert sum(scene.asked("eth_getBalance")) == 4

    play(act)


def test_a_hanging_provider_keeps_a_deadline() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        for provider in scene.providers:
            provider.set("hang")
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        with pytest.raises(ChainUnavailable) as told:
            await scene.chain.call("eth_getBalance", ["0xaa"], deadline_s=0.7)
        assert loop.time() - started_s == pytest.approx(0.7, abs=0.01)
        assert "://" not in str(told.value)

    play(act)


def test_the_requests_deadline_is_kept_too() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        for provider in scene.providers:
            provider.set("hang")
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        token = context.enter(Context(deadline=started_s + 0.3))
        with pytest.raises(ChainUnavailable):
            await scene.chain.call("eth_getBalance", ["0xaa"])
        context.leave(token)
        assert loop.time() - started_s == pytest.approx(0.3, abs=0.01)

    play(act)


@pytest.mark.parametrize(
    "method", ["eth_sendRawTransaction", "eth_sendTransaction", "eth_sign", "personal_unlockAccount", "admin_peers",
               "eth_newFilter", "eth_subscribe", "anvil_mine", "no_such_thing"]
)  # fmt: skip
def test_what_must_not_leave_is_refused(method: str) -> None:
    async def act(scene: Scene) -> None:
        with pytest.raises(MethodRefused) as told:
            await scene.chain.call(method, [])
        assert method in str(told.value)
        assert scene.asked(method) == [0, 0]

    play(act)


def test_a_revert_is_the_answer_and_nobodys_fault() -> None:
    async def act(scene: Scene) -> None:
        scene.providers[0].refused["eth_call"] = {"code": 3, "message": "execution reverted: Exists", "data": "0x08c3"}
        for number in range(30):
            with pytest.raises(CallerError) as told:
                await scene.chain.call("eth_call", [{"to": f"0x{number}"}, "latest"])
            assert (told.value.rpc_code, told.value.data) == (3, "0x08c3")
        assert scene.asked("eth_call") == [30, 0]
        assert scene.chain.status()[0].state == "good"

    play(act)


def test_an_unknown_method_is_remembered() -> None:
    async def act(scene: Scene) -> None:
        scene.providers[0].refused["eth_getBalance"] = {"code": -32601, "message": "method not supported"}
        for number in range(5):
            await scene.chain.call("eth_getBalance", [f"0x{number}"])
        assert scene.asked("eth_getBalance") == [1, 5]
        with pytest.raises(CallerError):
            await scene.chain.call("eth_gasPrice")

    play(act)


def test_a_receipt_is_absent_only_when_all_say_so() -> None:
    async def act(scene: Scene) -> None:
        assert await scene.chain.receipt("0x01") is None
        assert scene.asked("eth_getTransactionReceipt") == [1, 1]
        scene.providers[0].offset = 1
        await pause(3)
        scene.truth.receipts["0x02"] = {"blockNumber": hex(scene.truth.tip()), "blockHash": "0xaa"}
        found = await scene.chain.receipt("0x02")
        assert found is not None
        assert (await scene.chain.head()).number >= int(found["blockNumber"], 16)

    play(act)


def test_a_batch_is_one_request_about_one_tip() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        before = len(scene.providers[0].log)
        calls = [("eth_getBalance", [f"0x{n}", "latest"]) for n in range(40)]
        answers = await scene.chain.call_many([*calls, ("eth_chainId", []), ("eth_blockNumber", [])])
        assert len(set(answers[:40])) == 1
        assert answers[40] == "0x1"
        assert answers[41] == answers[0]
        assert len({at for at, method in scene.providers[0].log[before:] if method == "eth_getBalance"}) == 1

    play(act)


@pytest.mark.parametrize("kind", ["kill", "hang", "429_in_200", "garbage", "503"])
def test_a_batch_survives_what_a_call_survives(kind: str) -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        scene.providers[0].set(kind)
        answers = await scene.chain.call_many([("eth_getBalance", [f"0x{n}"]) for n in range(60)])
        assert len(answers) == 60

    play(act)


def test_a_batch_tells_its_errors_one_by_one() -> None:
    async def act(scene: Scene) -> None:
        scene.providers[0].refused["eth_call"] = {"code": 3, "message": "execution reverted"}
        calls: list[tuple[str, list[Any]]] = [("eth_getBalance", ["0x1"]), ("eth_call", [{}])]
        good, bad = await scene.chain.call_many(calls, return_errors=True)
        assert int(good, 16) >= FIRST_BLOCK
        assert isinstance(bad, CallerError)
        with pytest.raises(CallerError):
            await scene.chain.call_many(calls)

    play(act)


def test_without_a_watch_the_pool_looks_for_itself() -> None:
    async def act(scene: Scene) -> None:
        scene.providers[0].offset = 20
        first = int(await scene.chain.call("eth_getBalance", ["0xaa"]), 16)
        assert first == FIRST_BLOCK
        await pause(10)
        scene.providers[1].set("kill")
        scene.providers[0].offset = 0
        assert int(await scene.chain.call("eth_getBalance", ["0xaa"]), 16) == FIRST_BLOCK + 10

    play(act, is_watched=False)


def test_without_a_watch_an_outage_is_waited_out() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        for provider in scene.providers:
            provider.set("kill")
        ask = asyncio.create_task(scene.chain.call("eth_getBalance", ["0xaa"]))
        await pause(2)
        scene.providers[1].set("")
        assert int(await ask, 16) >= FIRST_BLOCK

    play(act, is_watched=False)


def test_a_wrong_chain_is_never_asked_for_data() -> None:
    async def act(scene: Scene) -> None:
        scene.providers[0].set("wrong_chain")
        for number in range(20):
            await scene.chain.call("eth_getBalance", [f"0x{number}"])
        assert scene.asked("eth_getBalance") == [0, 20]
        assert scene.chain.status()[0].state == "wrong_chain"

    play(act)


def test_a_spent_plan_spills_before_it_is_refused() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        for number in range(100):
            await scene.chain.call("eth_getBalance", [f"0x{number}"])
        mine, others = scene.asked("eth_getBalance")
        assert mine < 60
        assert mine + others == 100

    play(act, plans={"alchemy": 100.0})  # compute units: 800 in the window, 20 a call


def test_money_needs_two_providers_that_agree() -> None:
    async def act(scene: Scene) -> None:
        height = hex(FIRST_BLOCK - 5)
        assert await scene.chain.call_agreed("eth_getBalance", ["0xaa", height]) == hex(FIRST_BLOCK - 5)
        assert scene.asked("eth_getBalance") == [1, 1]
        scene.providers[1].fault.kind = "forked"
        with pytest.raises(Disagreement):
            await scene.chain.call_agreed("eth_getBalance", ["0xaa", height])

    play(act)


def test_a_third_provider_settles_a_disagreement() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        scene.providers[0].fault.kind = "forked"
        height = hex(FIRST_BLOCK - 5)
        assert await scene.chain.call_agreed("eth_getBalance", ["0xaa", height]) == hex(FIRST_BLOCK - 5)

    play(act, 3)


def test_one_provider_cannot_confirm_itself() -> None:
    async def act(scene: Scene) -> None:
        with pytest.raises(ChainUnavailable):
            await scene.chain.call_agreed("eth_getBalance", ["0xaa", "latest"])
        del scene

    play(act, 1)


def test_the_finalized_mark_never_falls() -> None:
    async def act(scene: Scene) -> None:
        first = await scene.chain.finalized()
        assert first.number == FIRST_BLOCK - 10
        await pause(20)
        second = await scene.chain.finalized()
        assert second.number > first.number
        for provider in scene.providers:
            provider.offset = 15
        await pause(20)
        assert (await scene.chain.finalized()).number >= second.number

    play(act)


def test_status_names_each_provider_and_no_url() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        await pause(2)
        first, second = scene.chain.status()
        assert (first.provider, second.provider) == ("alchemy", "infura")
        assert first.is_active
        assert first.head is not None
        assert first.lag_blocks == 0

    play(act)


def test_a_provider_that_repeats_the_key_is_not_quoted() -> None:
    async def act(scene: Scene) -> None:
        provider = scene.providers[0]
        provider.refused["eth_call"] = {"code": -32602, "message": "invalid params for key SECRETKEY"}
        chain = Chain(FACTS, [Endpoint("alchemy", provider, secrets=("SECRETKEY",))])
        with pytest.raises(CallerError) as told:
            await chain.call("eth_call", [{}])
        assert "SECRETKEY" not in str(told.value)
        await chain.close()

    play(act)


def test_a_slow_kind_of_question_does_not_make_a_slow_provider() -> None:
    async def act(scene: Scene) -> None:
        await scene.chain.head()
        scene.providers[0].set("slow", 0.2)
        for number in range(10):
            await scene.chain.call_many([("eth_getBalance", [f"0x{number}{n}"]) for n in range(3)])
        assert scene.chain.status()[0].state == "good"

    play(act, is_watched=False)
