"""Mirror the logs of a service's contracts in its own schema: the worker reads chains, the service decides.

Between: nft-service and coin-service (own the rows, say which addresses count) and the worker's indexer (follows the
chain, delivers).

    worker ── GET  /internal/v1/chains/{chainId}/watched ──► Watched: addresses, checkpoint
    worker ── POST /internal/v1/chains/{chainId}/logs ─────► Batch: all logs of these blocks → `applied` / `undone`

mirror.py decides, messages.py is what is said, rows.py the tables of tables.sql, routes.py the two operations.
"""
