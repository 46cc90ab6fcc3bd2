"""Rehearse a V Studio session end to end, as the operators' handbook has people do before a release.

Between: cli.rehearsal, tests/system (run it) and the platform's public addresses, through the SDK.
Shape: plan (the session “Electric Dreams”, as data) · cast (who plays, and what they bring) · seats (somebody watching
live) · link (a network that can be cut) · acts (what happens, in the handbook's six steps) · play (all of it in order,
and the cleaning up). Steps are told by drills.journey.narration, people are the journey's.
Invariant: every run has names of its own; what it made is taken away at the end, as far as the platform lets people.
Units: *_s seconds.
Errors: JourneyFailed says which step, what was expected, and what was found.
Source: domain.md 7 "V Studio rehearsal".
"""
