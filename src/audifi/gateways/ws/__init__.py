"""Hold the sockets of everybody who watches a V Studio session: `python -m audifi.gateways.ws`.

Between: browsers (wire.live.protocol), vstudio-service (wire.live.calls) and Redis (wire.live.feed).
Shape: a connection is admitted (handshake, admitting), says something (commands, batches), is shown what happens
(rooms, fanout), is kept alive (heartbeat) and is asked to go elsewhere when the pod stops (draining).
Source: domain.md 3; realtime.md 3; docs/live.md.
"""
