"""Send what rows ask for: once, with one nonce, whatever dies on the way.

Between: services and the worker (ask), PostgreSQL (remembers) and the pool (broadcasts, looks).
How to read it: transactions (request, keeper) > progress (one step) > nonces (the only code that signs) and settling
(pure: what a receipt means) > ledger (rows), signer, fees.
"""
