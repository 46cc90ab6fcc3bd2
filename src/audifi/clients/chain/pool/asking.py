"""Ask one endpoint once, within a time, and read what came.

Between: flights, probes, broadcast and an endpoint's transport.
Units: seconds.
Invariant: the request is paid for before it is sent; whatever happens comes back as an outcome per call.
Errors: only cancellation leaves; bugs too.
Source: outbound.md 3 step 5 (1.5 s per attempt); domain.md 5.8 (60 s is the provider's read limit, ours is shorter).
"""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Final

from audifi.clients.chain.pool import codec
from audifi.clients.chain.pool.codec import Item, Outcome
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.transport import TooLarge, Unreachable
from audifi.clients.chain.pool.verdicts import Judgement, Verdict
from audifi.kernel import traces

ATTEMPT_S: Final = 1.5
ATTEMPT_HEAVY_S: Final = 10.0
LOST: Final = -1  # the code of an outcome whose request may have arrived


async def ask(
    endpoint: Endpoint,
    items: Sequence[Item],
    first_id: int,
    *,
    within_s: float,
    is_heavy: bool = False,
    is_write: bool = False,
) -> list[Outcome]:
    """Return one outcome per call."""
    endpoint.charge(items)
    body = codec.request(items, first_id)
    with traces.span(f"rpc {items[0].method}", traces.CLIENT) as span:
        if traces.is_collected():
            span.attributes |= {"rpc.system": "jsonrpc", "rpc.method": items[0].method, "peer.service": endpoint.name}
        try:
            async with asyncio.timeout(within_s):
                answer = await endpoint.transport.post(body, is_heavy=is_heavy)
        except TimeoutError:
            return _all(items, Judgement(Verdict.TRANSIENT, LOST, f"no answer within {within_s:.2f} s"))
        except Unreachable as error:
            return _all(items, Judgement(Verdict.TRANSIENT, LOST if error.was_sent else 0, str(error)))
        except TooLarge:
            return _all(items, Judgement(Verdict.TOO_LARGE, message="the answer is larger than we read"))
    if len(items) == 1:
        outcomes = [codec.read_one(answer, first_id, provider=endpoint.name, is_write=is_write)]
    else:
        outcomes = codec.read_many(answer, first_id, len(items), provider=endpoint.name)
    return [_redacted(endpoint, each) if isinstance(each, Judgement) else each for each in outcomes]


def _redacted(endpoint: Endpoint, judgement: Judgement) -> Judgement:
    text = endpoint.redacted(judgement.message)
    return judgement if text is judgement.message else dataclasses.replace(judgement, message=text)


def _all(items: Sequence[Item], judgement: Judgement) -> list[Outcome]:
    return [judgement] * len(items)
