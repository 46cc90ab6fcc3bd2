"""Lead what takes several steps and outlives a pod: each step is one transaction, and asks for the next.

Between: routes, consumers and loops (take steps) and store (keeps where each coin is).
Source: domain.md 2.8 "Mint/launch", 2.5.
"""
