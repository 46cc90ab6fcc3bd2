"""Gateways of our own: the WebSocket gateway. The API gateway is Envoy (targets.envoy).

Between: viewers' sockets and Redis channels.
"""
