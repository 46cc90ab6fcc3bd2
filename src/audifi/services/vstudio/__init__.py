"""vstudio-service: sessions in V Studio, their decisions and votes, and the lock of a finished master.

Between: the gateways (/vstudio…, the WebSocket pods), nft-service (ownership, lock), coin-service (balances, stakes),
payment-service (plans), auth-service (producers), Postgres schema `vstudio`, Redis (what is live), the queue.
Invariant: one vote per person and decision; votes only while it is open; closed results never change; at most one live
session per artist; a master is locked once.
Order of row locks: a decision before its session. Whoever needs both takes them in this order.
Source: domain.md 2.3, 2.8, 3.
"""
