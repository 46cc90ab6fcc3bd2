"""Stand in for Stripe: the part of its API that we use, its hosted pages, its signed webhooks, its clock.

Between: whoever speaks Stripe's public protocol (our client, the official SDK, a browser) and control (knobs).
Invariant: it knows nothing of our client and is not known by it; what it acknowledged survives a restart.
Source: docs.stripe.com/api, version 2026-10-28.endive: a subscription's period is told by its items, an invoice names
its subscription under `parent`.
"""
