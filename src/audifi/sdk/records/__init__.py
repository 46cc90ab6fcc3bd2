"""Say what the API returns, as values: one module for each area, and what every answer is wrapped in.

Between: sdk's areas (decode into them) and callers.
Shape: JSON is camelCase, Python snake_case; fields this version does not know are ignored, so a newer server
works with an older client.
Errors: msgspec.ValidationError cannot reach a caller: sdk.transport turns it into Unavailable (not our server).
Source: domain.md 2.0.
"""
