-- Who holds how many, contracts and the platform included: the sum is the supply.
CREATE TABLE coin.coin_balances (
    coin_id uuid NOT NULL REFERENCES coin.coins (id),
    wallet text NOT NULL,
    balance numeric(78, 0) NOT NULL CHECK (balance >= 0),
    PRIMARY KEY (coin_id, wallet)
);
CREATE INDEX coin_balances_wallet ON coin.coin_balances (wallet);

CREATE TABLE coin.coin_transfers (
    chain_id bigint NOT NULL,
    tx_hash text NOT NULL,
    log_index integer NOT NULL,
    coin_id uuid NOT NULL REFERENCES coin.coins (id),
    block_number bigint NOT NULL,
    from_wallet text NOT NULL,
    to_wallet text NOT NULL,
    amount numeric(78, 0) NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chain_id, tx_hash, log_index)
);

-- PENDING: the wallet was told what to send. UNSTAKING: it was told how to take the stake back.
CREATE TABLE coin.stakes (
    id uuid PRIMARY KEY,
    coin_id uuid NOT NULL REFERENCES coin.coins (id),
    user_id uuid, -- null: staked past us
    wallet text NOT NULL CHECK (wallet ~ '^0x[0-9a-f]{40}$'),
    amount numeric(78, 0) NOT NULL CHECK (amount > 0),
    lock_days integer NOT NULL CHECK (lock_days IN (0, 30, 90, 365)),
    apy_bps integer NOT NULL,
    stake_id bigint, -- the contract's number
    started_at timestamptz,
    unlocks_at timestamptz,
    status text NOT NULL CHECK (status IN ('PENDING', 'ACTIVE', 'UNSTAKING', 'CLOSED')),
    reward_paid numeric(78, 0) NOT NULL DEFAULT 0 CHECK (reward_paid >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (coin_id, stake_id),
    CHECK ((status = 'PENDING') = (stake_id IS NULL)),
    CHECK (stake_id IS NULL OR (started_at IS NOT NULL AND unlocks_at IS NOT NULL))
);
CREATE INDEX stakes_wallet ON coin.stakes (wallet, coin_id);
CREATE INDEX stakes_pending ON coin.stakes (created_at) WHERE status = 'PENDING';

-- Where a coin trades. EMPTY: the contract is there, nobody asked to fill it.
CREATE TABLE coin.pools (
    coin_id uuid PRIMARY KEY REFERENCES coin.coins (id),
    chain_id bigint NOT NULL,
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    type text CHECK (type IN ('UNISWAP_V2', 'UNISWAP_V3', 'SUSHISWAP')),
    status text NOT NULL DEFAULT 'EMPTY' CHECK (status IN ('EMPTY', 'APPROVING', 'PROVIDING', 'ACTIVE', 'FAILED')),
    fee_bps integer NOT NULL CHECK (fee_bps IN (30, 100)),
    native_wanted numeric(78, 0) CHECK (native_wanted > 0),
    attempt integer NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    error text,
    coin_reserve numeric(78, 0) NOT NULL DEFAULT 0 CHECK (coin_reserve >= 0),
    native_reserve numeric(78, 0) NOT NULL DEFAULT 0 CHECK (native_reserve >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (chain_id, address),
    CHECK (status = 'EMPTY' OR (type IS NOT NULL AND native_wanted IS NOT NULL))
);

CREATE TABLE coin.pool_events (
    chain_id bigint NOT NULL,
    tx_hash text NOT NULL,
    log_index integer NOT NULL,
    coin_id uuid NOT NULL REFERENCES coin.coins (id),
    block_number bigint NOT NULL,
    type text NOT NULL CHECK (type IN ('ADD', 'REMOVE', 'SWAP')),
    wallet text NOT NULL,
    coin_change numeric(78, 0) NOT NULL, -- of the pool's reserves: below 0 when they went out
    native_change numeric(78, 0) NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chain_id, tx_hash, log_index)
);
CREATE INDEX pool_events_swaps ON coin.pool_events (coin_id, seen_at) WHERE type = 'SWAP';

-- Who provides: a share of the pool earns stakers a bonus.
CREATE TABLE coin.pool_shares (
    coin_id uuid NOT NULL REFERENCES coin.coins (id),
    wallet text NOT NULL,
    balance numeric(78, 0) NOT NULL CHECK (balance >= 0),
    PRIMARY KEY (coin_id, wallet)
);
