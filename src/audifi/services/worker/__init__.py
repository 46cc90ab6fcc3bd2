"""The worker: what nobody waits for. It signs, follows chains, keeps pins, sends mail.

Between: the queue (services say what they want), PostgreSQL (its schema says what is wanted), chains, pinning
providers, mail, and the services that mirror what chains log.
"""
