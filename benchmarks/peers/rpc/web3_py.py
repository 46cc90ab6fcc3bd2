"""Call through web3.py's AsyncHTTPProvider: alone, or the second after the first failed, as most applications do.

Between: benchmarks/failover (starts it in the environment of requirements.lock) and web3.py 8, with its own defaults:
30 s per attempt and five attempts for reads.
Shape: `make_request` past web3.py's formatters, which would cost five times as much and change nothing here.
Errors: an error inside a good answer is raised, as web3.py's own methods do.
"""

import asyncio
from importlib import import_module
from typing import Any

from benchmarks.peers.rpc import open_loop

AsyncHTTPProvider: Any = import_module("web3").AsyncHTTPProvider  # no import: the platform's tools cannot see it


class AnswerError(Exception):
    """An error inside an answer."""


class Naive:
    """One provider after the other."""

    def __init__(self, urls: list[str]) -> None:
        self._providers: list[Any] = [AsyncHTTPProvider(url) for url in urls]

    async def ask(self, method: str, params: list[Any]) -> Any:
        failed: Exception | None = None
        for provider in self._providers:
            try:
                answer: Any = await provider.make_request(method, params)
            except Exception as error:  # noqa: BLE001  # naive is what it is
                failed = error
                continue
            if "error" not in answer:
                return answer["result"]
            failed = AnswerError(str(answer["error"]))
        assert failed is not None, "there is at least one provider"
        raise failed

    async def broadcast(self, raw: str) -> str:
        return await self.ask("eth_sendRawTransaction", [raw])

    async def close(self) -> None:
        for provider in self._providers:
            await provider.disconnect()


async def main() -> None:
    told = open_loop.told()
    naive = Naive([told["a"]] if told["candidate"] == "web3_single" else [told["a"], told["b"]])
    try:
        await open_loop.run(told, naive.ask, naive.broadcast)
    finally:
        await naive.close()


if __name__ == "__main__":
    asyncio.run(main())
