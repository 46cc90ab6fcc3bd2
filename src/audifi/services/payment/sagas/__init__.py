"""Do what takes several steps, each idempotent: open checkouts, apply what Stripe says, do errands, catch up.

Invariant: nothing outside is done inside a transaction of the database; what must be done outside is written down in
the transaction of its cause (store.errands) and done after it, as often as needed.
Source: domain.md 2.8.
"""
