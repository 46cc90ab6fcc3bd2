"""Agree to policies, and ask what is still to be agreed to.

Between: sdk.client and sdk.transport.
Invariant: consents are a log: accepting twice adds two rows, the later one counts.
Errors: Invalid for an unknown policy or version.
Source: domain.md 2.1 (POST /consents, GET /consents/check).
"""

from audifi.sdk.records.accounts import ConsentCheck
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.transport import Request, Transport


class Consents:
    """Everything below /consents."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def record(
        self,
        policy_type: str,
        policy_version: str,
        *,
        flow: str,
        action: str = "ACCEPTED",
        resource_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Write down that the user accepted or withdrew."""
        body = {"policyType": policy_type, "policyVersion": policy_version, "action": action, "flow": flow}
        if resource_id is not None:
            body["resourceId"] = resource_id
        await self._transport.answer(
            Request(method="POST", path="/consents", body=body, idempotency_key=idempotency_key)
        )

    async def check(self, flow: str) -> ConsentCheck:
        """Say whether everything the flow needs is accepted."""
        request = Request(method="GET", path="/consents/check", query={"flow": flow})
        return (await self._transport.call(request, Enveloped[ConsentCheck])).data
