"""Keep coins, allocations, balances, stakes and pools.

Between: routes, sagas and facts (call with a connection of theirs) and the schema `coin`.
Units: amounts are int here and NUMERIC(78, 0) there.
Errors: what the driver raises, which kernel.database translates.
"""
