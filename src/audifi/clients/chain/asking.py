"""Answer reads of the chains for as long as somebody asks: `python -m audifi.clients.chain.asking`.

Between: drills (asks at a fixed rate while a provider is broken) and the pool, watched as in a pod of ours.
Shape: a line of standard input is a Question, a line of standard output its Answer; many at once, in any order. The
first line out is {"ready": true}: every chain's tip is known.
Invariant: it ends when its standard input does, so it cannot outlive who started it. A question nobody can answer is
an Answer with an error, as a caller in a pod would get it.
Errors: wrong settings: a traceback on standard error.
"""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from audifi.clients.chain.__main__ import ChainSettings
from audifi.clients.chain.pool.chains import Chains
from audifi.kernel import logs
from audifi.kernel.settings import parse
from audifi.wire.problems import Problem


class Question(msgspec.Struct):
    """One read."""

    id: int
    chain: int
    method: str
    params: Sequence[Any] = ()


class Answer(msgspec.Struct, omit_defaults=True):
    """What came of it, and how high the chain was when it was asked."""

    id: int
    head: int = 0
    result: Any = None
    error: str = ""


async def main() -> None:
    """Answer until nobody asks any more."""
    settings = parse(ChainSettings)
    questions = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(questions), sys.stdin)
    chains = await Chains.open(settings.rpc_providers, settings.rpc_keys)
    watching = asyncio.create_task(chains.run())
    try:
        for number in chains:
            await chains[number].head()
        _say({"ready": True})
        async with asyncio.TaskGroup() as group:
            while line := await questions.readline():
                group.create_task(_answered(chains, msgspec.json.decode(line, type=Question)))
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await chains.close()


async def _answered(chains: Chains, question: Question) -> None:
    chain = chains[question.chain]
    answer = Answer(question.id)
    try:
        answer.head = (await chain.head()).number
        answer.result = await chain.call(question.method, question.params)
    except Problem as problem:
        answer.error = f"{problem.status} {problem.code}: {problem.message}"
    _say(answer)


def _say(line: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    logs.configure("error")
    asyncio.run(main())
