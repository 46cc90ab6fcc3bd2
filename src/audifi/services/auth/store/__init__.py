"""Hold every SQL statement of auth-service, one module per noun, each beside the dataclass it fills.

Between: routes, consumers and loops (open transactions, call), Postgres schema `auth` through PgBouncer.
Invariant: every transition is a conditional UPDATE on the state it leaves; a function that changes something says by
its result whether it did. No transaction is opened here.
Errors: kernel.database maps what the driver raises; nothing is caught here.
"""
