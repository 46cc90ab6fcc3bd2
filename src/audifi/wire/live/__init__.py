"""What crosses between browsers, the WebSocket gateway and vstudio-service while a session is live.

Between: gateways.ws, services.vstudio, clients.live (Redis between them), sdk.live, web/src/live, drills.
Shape: `protocol` (names, codes and limits of the socket), `feed` (what travels through Redis), `calls` (what the
gateway asks of the service over HTTP).
Source: domain.md 3; docs/live.md.
"""
