"""Call every operation of every service with what its document allows and what it does not.

Nothing is a 500, and nothing answers what its document does not say: no other status, no other shape.
Between: the document a pod serves, schemathesis (makes requests from it) and that pod.
Why straight to the pod: the edge would refuse most of what is wrong before the service sees it.
Shape: EXAMPLES right and as many wrong requests per operation, from a fixed seed; each from an address of its own; as
an artist and administrator with a second factor, so that requests get as far as they can.
Source: https://schemathesis.readthedocs.io (positive and negative data).
"""

import itertools
from importlib import import_module
from typing import Any

import aiohttp
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from tests.system.conftest import Figure
from tests.system.visitors import Visitors

from audifi.local.held import Held
from audifi.wire import headers

EXAMPLES = 12
SEED = 20261123
ANSWER_S = 15
SUPPRESSED = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)  # the network is in it
ENDING = {("DELETE", "/user"), ("POST", "/auth/logout"), ("POST", "/auth/logout-all")}


SERVICES = ("auth-service", "nft-service", "vstudio-service", "payment-service", "coin-service", "analytics-service")
_CONFORMANCE: Any = import_module("schemathesis.specs.openapi.checks")  # its types are partly unknown
CHECKS: list[Any] = [
    import_module("schemathesis.checks").not_a_server_error,
    _CONFORMANCE.status_code_conformance,
    _CONFORMANCE.response_schema_conformance,
    _CONFORMANCE.content_type_conformance,
]
OUTAGES = (502, 503, 504)  # documented, and not this test's business: a provider refuses what was made up


@pytest.mark.asyncio
@pytest.mark.parametrize("service", SERVICES)
async def test_no_request_made_from_the_schema_breaks_the_service(
    people: Visitors, platform: Held, figure: Figure, service: str
) -> None:
    person = await people.all_powerful()
    url = f"http://127.0.0.1:{platform.port(f'{service}-1', 'http')}"
    async with aiohttp.ClientSession() as http, http.get(f"{url}/openapi.json") as reply:
        document = await reply.json()
    schema = schemathesis.openapi.from_dict(document)
    broken: list[str] = []
    statuses: list[int] = []
    addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))
    for operation in operations(schema):
        token = None if (operation.method.upper(), operation.path) in ENDING else person.transport.access_token
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try_all(operation, mode, Sender(url, token, addresses, statuses, broken))
    figure(f"requests made from the schema of {service}", len(statuses), "requests")
    assert len(statuses) > len(document["paths"])
    assert not broken, "\n".join(broken[:10])


def operations(schema: Any) -> list[Any]:
    """Every operation of the document; one that cannot be understood fails the test."""
    return [found.ok() for found in schema.get_all_operations()]


class Sender:
    """Sends one generated request and notes an answer that its document does not say."""

    def __init__(self, url: str, token: str | None, addresses: Any, statuses: list[int], broken: list[str]) -> None:
        self._url = url
        self._token = token
        self._addresses = addresses
        self._statuses = statuses
        self._broken = broken

    def __call__(self, case: Any) -> None:
        sent = {headers.CLIENT_IP: next(self._addresses)}
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        answer = case.call(base_url=self._url, headers=sent, timeout=ANSWER_S)
        self._statuses.append(answer.status_code)
        if answer.status_code in OUTAGES:
            return
        try:
            case.validate_response(answer, checks=CHECKS)
        except (FailureGroup, Failure) as failure:
            self._broken.append(f"{case.method} {case.formatted_path}: {str(failure)[:1500]}")


def try_all(operation: Any, mode: GenerationMode, send: Sender) -> None:
    """Make and send requests of one kind for one operation."""

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=SUPPRESSED,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        send(case)

    try:
        run()
    except Unsatisfiable:
        return  # nothing wrong can be said about an operation without input
