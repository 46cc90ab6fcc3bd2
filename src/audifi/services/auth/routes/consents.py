"""Record agreements and say which a flow still misses.

Between: the gateway (/consents), store.consents, rules.consents.
Errors: Invalid for a version that does not exist.
Source: domain.md 2.1, 9.57.
"""

from typing import Final

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Body, Operation, Reply
from audifi.kernel.ids import new_id
from audifi.services.auth import journal
from audifi.services.auth.errors import Invalid
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.routes.fields import ResourceId, UserPath, Version
from audifi.services.auth.rules import consents as rules
from audifi.services.auth.rules.consents import ConsentAction, Flow, PolicyType
from audifi.services.auth.store import consents as store


class ConsentBody(Body):
    """What is agreed to, or no longer."""

    policy_type: PolicyType
    policy_version: Version
    action: ConsentAction
    flow: Flow
    resource_id: ResourceId | None = None


class FlowQuery(Body):
    """For which flow."""

    flow: Flow


class ConsentReply(Reply):
    """What was recorded."""

    id: str
    policy_type: str
    policy_version: str
    action: str
    at: str


class MissingPolicy(Reply):
    """A policy to be accepted, in the version that counts."""

    policy_type: str
    policy_version: str


class CheckReply(Reply):
    """Whether a flow may begin."""

    has_all_required: bool
    missing: tuple[MissingPolicy, ...]


async def record(call: AuthCall, body: ConsentBody) -> ConsentReply:
    """Write down an agreement or its withdrawal."""
    now, consent_id = call.deps.clock.now(), str(new_id())
    new = store.NewConsent(
        id=consent_id,
        user_id=call.user().user_id,
        policy_type=body.policy_type,
        policy_version=body.policy_version,
        action=body.action,
        flow=body.flow,
        resource_id=body.resource_id,
        ip=journal.client_ip(call),
        user_agent=journal.user_agent(call),
        at=now,
    )
    reply = ConsentReply(consent_id, body.policy_type, body.policy_version, body.action, iso(now))
    async with call.deps.database.transaction() as tx:
        if not await store.insert(tx, new):
            raise Invalid(details={"policyVersion": f"{body.policy_type} has no version {body.policy_version}"})
        await call.settle(tx, reply)
    return reply


async def check(call: AuthCall, query: FlowQuery) -> CheckReply:
    """Say what the flow still misses."""
    return await _checked(call, call.user().user_id, query)


async def check_of(call: AuthCall, query: FlowQuery) -> CheckReply:
    """Say what the flow still misses for an account: what nft-service asks before it mints or sells."""
    return await _checked(call, str(call.parameters.id), query)


async def _checked(call: AuthCall, user_id: str, query: FlowQuery) -> CheckReply:
    async with call.deps.database.read_primary() as connection:
        versions = await store.current_versions(connection, call.deps.clock.now())
        history = await store.history(connection, user_id)
    missing = rules.missing(query.flow, versions, history)
    named = tuple(MissingPolicy(policy.policy_type, policy.policy_version) for policy in missing)
    return CheckReply(has_all_required=not named, missing=named)


OPERATIONS: Final = (
    Operation(
        method="POST", path="/consents", handler=record, summary="Record an agreement", tag="consents",
        access=Access.USER, body=ConsentBody, reply=ConsentReply, status=201, idempotent=True,
        example={"policyType": "TERMS", "policyVersion": "1.0", "action": "ACCEPTED", "flow": "SIGNUP"},
    ),
    Operation(
        method="GET", path="/consents/check", handler=check, summary="Say which agreements a flow misses",
        tag="consents", access=Access.USER, query=FlowQuery, reply=CheckReply,
    ),
    Operation(
        method="GET", path="/internal/v1/users/{id}/consents", handler=check_of, tag="internal",
        summary="Say which agreements a flow misses for an account", access=Access.SERVICE, parameters=UserPath,
        query=FlowQuery, reply=CheckReply,
    ),
)  # fmt: skip
