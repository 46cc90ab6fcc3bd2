"""auth-service: who someone is, what they may do, and how they prove it.

Between: the gateway (every public path under /auth, /user, /artists, /consents, /admin and the key set), the other
services (/internal/v1), Postgres schema `auth`, the Redis cluster (sessions, limits, wallet nonces), the queue, mail.
Invariant: a magic link works once; a TOTP step works once per user; a wallet on a chain belongs to at most one user;
a spent refresh token kills its family; secrets, tokens and codes are stored only hashed or encrypted.
Not here: single sign-on with Google or Microsoft, passkeys and contract wallets are phase 2 (domain.md 2.1, 4);
password login is not exposed at all (domain.md 9.61).
Source: domain.md 2.1, 4, 5.5.
"""
