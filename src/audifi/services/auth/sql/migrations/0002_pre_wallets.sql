-- Which addresses belong to whom. A wallet on a chain belongs to at most one user.
CREATE TABLE auth.user_wallets (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    chain_id integer NOT NULL,
    is_primary boolean NOT NULL DEFAULT false,
    label text,
    verified_at timestamptz NOT NULL,
    payout_enabled_at timestamptz NOT NULL, -- usable for gating at once, for payouts only from here on
    UNIQUE (address, chain_id)
);
CREATE UNIQUE INDEX user_wallets_one_primary ON auth.user_wallets (user_id) WHERE is_primary;
CREATE INDEX user_wallets_user ON auth.user_wallets (user_id, verified_at);

-- The cancel link in the notice mail: works once, without signing in, until the payout delay is over.
CREATE TABLE auth.wallet_cancellations (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    address text NOT NULL,
    chain_id integer NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
