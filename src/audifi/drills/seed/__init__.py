"""Plant the demo data of domain.md 2.8, through the public API as people would.

Between: cli.seed, tests/system (run it) and the platform's public addresses; what it shares with drills.journey is
taken from there.
Shape: demo (who and what, as data) · keyring (how to be those people again) · plant (makes what is missing).
Invariant: planting twice changes nothing: what is there is said to be there. The one thing that is not the API's is
the role of the administrator (`./audifi grant`).
Errors: JourneyFailed says which step, and what was found.
Source: domain.md 2.8 "Demo seed".
"""
