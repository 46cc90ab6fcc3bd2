"""Do what takes several steps: run a session, close a decision, lock a master, ask what somebody holds.

Invariant: nothing outside is done inside a transaction of the database; what must be done outside is written down in
the transaction of its cause (sessions.wish) and done after it, as often as needed.
Source: domain.md 2.8.
"""
