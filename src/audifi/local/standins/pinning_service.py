"""Stand in for a pinning service that speaks the vendor-neutral API: fetch what is asked for, hold it, serve it.

    python -m audifi.local.standins.pinning_service --http PORT --control PORT --directory DIR --token-file FILE
        [--peer URL]… [--give-up-s SECONDS]

Between: our client, or any other of the IPFS Pinning Service API (`http`); tests, drills and the other stand-ins
(`control`, on loopback).
Shape: `http`: /pins… (content.psa), GET /ipfs/{cid} (content.gateway, open to everybody); `control`: content.faults.
Invariant: it has only what it fetched from a peer or a pin's origins; what nobody has stays queued, then fails. No
upload: the API has none, and Filebase's own is S3, which is not this API.
Units: *_s seconds.
Errors: as content.psa says; a wrong fault is answered 400.
Source: github.com/ipfs/pinning-services-api-spec v1.0.0; outbound.md 4.1.
"""

import asyncio
from functools import partial

from aiohttp import web

from audifi.local.standins.content import psa
from audifi.local.standins.content.provider import Options, Provider, options
from audifi.local.standins.content.queue import Queue


async def serve(found: Options) -> None:
    """Serve until told to stop."""
    provider = Provider(found)
    queue = Queue(provider, {psa.KIND: psa.WORDS}, partial(psa.done, provider))
    api = psa.PinningServiceApi(provider, queue)
    working = asyncio.create_task(queue.run())
    try:
        await provider.serve([*api.routes(), web.get("/ipfs/{cid}", provider.read), web.get(DEEP, provider.read)])
    finally:
        working.cancel()


DEEP = "/ipfs/{cid}/{path:.*}"


def main() -> None:
    """Read the options and serve."""
    parser, read = options("pinning service stand-in")
    asyncio.run(serve(read(parser.parse_args())))


if __name__ == "__main__":
    main()
