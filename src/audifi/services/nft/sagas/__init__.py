"""Lead what takes several steps and outlives a pod: each step is one transaction, and asks for the next.

Between: routes, consumers and timers (take steps) and store (keeps where each saga is).
Source: domain.md 2.8.
"""
