"""Do over HTTP what would have been a frame, while sockets do not pass.

Between: sdk.live.session and sdk.vstudio.
Shape: returns the frame a socket would have answered with.
Invariant: the requestId is the Idempotency-Key, so that doing it again on a socket later changes nothing.
Errors: Problems of `audifi.wire.problems`; Refusal for what only sockets can do.
Source: domain.md 3 "SSE fallback" (actions via REST).
"""

from audifi.sdk.live.signals import Call, JsonFrame
from audifi.sdk.transport import Transport
from audifi.sdk.vstudio import Vstudio
from audifi.wire.problems import Refusal


async def call(transport: Transport, session_id: str, asked: Call) -> JsonFrame:
    """Do it, and say what a socket would have said."""
    vstudio, key = Vstudio(transport), asked.request_id
    fields = {name: each for name, each in asked.frame.items() if name not in {"type", "requestId"}}
    decision_id = str(fields.pop("decisionId", ""))
    match asked.frame["type"]:
        case "vote":
            cast = await vstudio.vote(session_id, decision_id, idempotency_key=key, **fields)
            said = {"voteId": cast.vote_id, "weight": cast.weight, "duplicate": cast.duplicate}
            return {"type": "vote_ack", "requestId": key, "decisionId": decision_id, **said}
        case "chat":
            line = await vstudio.chat(session_id, str(fields["text"]), request_id=key)
            return {"type": "ack", "requestId": key, "id": line.id}
        case "decision_create":
            decision = await vstudio.create_decision(session_id, idempotency_key=key, **fields)
        case "decision_open":
            decision = await vstudio.open_decision(session_id, decision_id, idempotency_key=key)
        case "decision_close":
            decision = await vstudio.close_decision(session_id, decision_id, idempotency_key=key)
        case "decision_finalize":
            winner = fields.get("winningOptionId")
            decision = await vstudio.finalize_decision(session_id, decision_id, winner=winner, idempotency_key=key)
        case _:
            raise Refusal(f"{asked.frame['type']} needs a WebSocket, and none can be opened from here")
    return {"type": "ack", "requestId": key, "id": decision.id, "decisionId": decision.id}
