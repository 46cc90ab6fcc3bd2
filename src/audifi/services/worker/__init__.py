"""The worker: what nobody waits for. So far it keeps pins and the platform's own transactions.

Between: PostgreSQL (its schema says what is wanted), pinning providers and blockchain providers (do it).
"""
