"""nft-service: from a finished recording to shares, their sale, and what they pay their holders.

Between: the gateway (public paths under /masters, /marketplace, /purchases, /portfolio, /revenue, /mover-advantage and
/user/holdings), the other services (/internal/v1), Postgres schema `nft`, the Redis cluster (sessions,
limits), the queue, the shared content directory, and the worker (writes to chains and tells what it read there).
Invariant: 0 ≤ sold + reserved ≤ offered; token ids dense and unique; a tier never changes; the parts of a purchase are
its price; allocations are the holders' pool; the chain decides who owns what, and Postgres mirrors it.
Source: domain.md 2.2, 2.8.
"""
