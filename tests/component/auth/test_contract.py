"""The served document against the service: no answer it does not announce, never a 500, whatever is sent.

Shape: schemathesis writes the requests from docs' own source (`openapi`), seeded, a bounded number per operation, as
a signed-in user with a factor, as an administrator's or a service's peer, each from an address of its own.
"""

import asyncio
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from requests import Request
from tests.component.auth.driver import CALLER, Answer, World
from tests.component.auth.test_profile import admin

from audifi.kernel.http import openapi
from audifi.services.auth.routes import OPERATIONS, limits

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEED = 20261123
EXAMPLES = 15
DOCUMENT = openapi(OPERATIONS, title="auth-service", version="test", limits=limits.EVERYWHERE)
SCHEMA: Any = schemathesis.openapi.from_dict(DOCUMENT)
NAMES = sorted((operation.path, operation.method) for operation in OPERATIONS)
# Their effects would end the test's own session or change its keys under other tests; each has tests of its own.
SKIPPED = {"/auth/logout", "/auth/logout-all", "/user", "/internal/v1/keys/rotate", "/admin/keys/rotate"}


def cases(path: str, method: str) -> list[Any]:
    """Return seeded requests for one operation: well-formed ones and broken ones."""
    found: list[Any] = []
    modes = schemathesis.GenerationMode
    operation = SCHEMA[path][method]
    strategy: Any = st.one_of(
        operation.as_strategy(generation_mode=modes.POSITIVE), operation.as_strategy(generation_mode=modes.NEGATIVE)
    )

    @seed(SEED)
    @hypothesis_settings(
        max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


@pytest.mark.parametrize(("path", "method"), [name for name in NAMES if name[0] not in SKIPPED])
async def test_every_answer_is_announced(world: World, path: str, method: str) -> None:
    client = await admin(world)
    generated = await asyncio.to_thread(cases, path, method)
    announced = {int(status) for status in DOCUMENT["paths"][path][method.lower()]["responses"]}
    seen: set[int] = set()
    for case in generated:
        sender = client.moved()
        answer = await sender.send(method, *_sent(case), **_head(case, world))
        assert answer.status != 500, (case, answer.body)
        assert answer.status in announced, (case, answer.status, answer.body)
        _check_shape(answer)
        seen.add(answer.status)
    assert seen - {401, 403, 429}, "no request got past the door: this test would prove nothing"


def _sent(case: Any) -> tuple[str, Any]:
    # Address and body exactly as schemathesis would put them on the wire.
    request = case.as_transport_kwargs(base_url="http://127.0.0.1")
    prepared = Request(
        request["method"],
        request["url"],
        params=request.get("params"),
        json=request.get("json"),
        data=request.get("data"),
    ).prepare()
    body = prepared.body
    return prepared.path_url, body.encode() if isinstance(body, str) else body


def _head(case: Any, world: World) -> dict[str, str]:
    head = {"x_internal_token": CALLER.mint("auth-service"), "origin": world.settings.app_origin}
    generated: dict[str, Any] = dict(case.headers or {})
    for name, value in generated.items():
        is_proof = name.lower() in ("authorization", "x-internal-token")  # ours: the point is what lies behind the door
        if not is_proof and str(value).isascii() and str(value).isprintable():
            head[name.lower().replace("-", "_")] = str(value)
    return head


def _check_shape(answer: Answer) -> None:
    assert answer.header("x-request-id")
    if answer.status >= 400:
        error = msgspec.json.decode(answer.body)
        assert {"error", "requestId"} == set(error)
        assert {"code", "message"} <= set(error["error"])
