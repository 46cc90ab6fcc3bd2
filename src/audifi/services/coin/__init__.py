"""coin-service: artists' coins, who holds them, stakes, pools.

Between: the gateway and other services (ask), the worker (writes to chains for us, tells what they logged).
Shape: __main__ > app > routes, consumers, facts, loops > sagas > store > rules > errors.
Invariant: the chain is the truth for balances, stakes and reserves; the tables mirror it, log by log.
Source: domain.md 2.5.
"""
