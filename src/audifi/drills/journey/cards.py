"""Pay with a card on the payment provider's own page: on one machine its stand-in shows it.

Between: sale and seed (have a checkout's address) and the stand-in's hosted page.
Invariant: a card's number is typed there and nowhere else; the platform never sees it. 4242… is the test card that
every payment is taken from.
Units: *_s seconds.
Errors: Declined with the provider's words.
Source: docs.stripe.com/testing (numbers of test cards).
"""

from typing import Any, Final

import aiohttp
import msgspec

from audifi.drills.journey.narration import Mismatch

ALWAYS_PAYS: Final = "4242424242424242"
ANSWER_WITHIN_S: Final = 20.0


class Declined(Mismatch):
    """The payment provider did not take it."""


async def pay(http: aiohttp.ClientSession, url: str, *, card: str = ALWAYS_PAYS) -> None:
    """Fill in the page at this address and press its button."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    try:
        async with http.post(url, json={"card": card}, timeout=timeout, allow_redirects=False) as reply:
            body = await reply.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Declined(f"the payment page at {url} did not answer: {error}") from error
    if reply.status >= 400:
        raise Declined(f"the payment page answered {reply.status}: {_said(body)}")


def _said(body: bytes) -> str:
    try:
        found: Any = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return body[:200].decode("utf-8", "replace")
    return str(found)
