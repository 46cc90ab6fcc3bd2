"""payment-service: card payments, subscriptions, Stripe's webhooks, and which plan somebody is on.

Between: the gateway (/payments, /subscriptions, /webhooks/stripe), nft-service (purchases paid by card; asks for plans
and refunds), Stripe, Postgres schema `payment`, Redis (blocked addresses), the queue.
Invariant: one event id is processed once; one entitling subscription per user; no money state without an event of the
provider; a reservation that is gone is refunded once; no card number ever reaches us.
Not here: /payments/web3 (domain.md 2.4 calls it optional): wallet purchases are nft-service's own.
Source: domain.md 2.4, 2.8, 4, 5.8.
"""
