"""Gateways of our own: the WebSocket gateway, which arrives with part D. The API gateway is Envoy (targets.envoy).

Between: viewers' sockets and Redis channels.
"""
