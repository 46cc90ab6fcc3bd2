"""Bring a service's schema up to date: `python -m audifi.kernel.migrate auth [--phase pre|post|all]`.

Between: the supervisor or the release job (runs it before the pods, with the service's environment) and the files
`kernel/sql/migrations/` (first; outbox, idempotency_keys, processed_events: services do not create these) and
`services/<service>/sql/migrations/NNNN_pre|post_what.sql`. Unqualified names land in the schema of the role.
"""
