-- Schema of coin-service: the truth a reader opens. It equals the replay of migrations/ (agreement test);
-- outbox, idempotency_keys and processed_events come from kernel/sql.

-- An artist's coin, and how far it is on its way to the chain.
CREATE TABLE coin.coins (
    id uuid PRIMARY KEY,
    artist_id uuid NOT NULL UNIQUE, -- the artist's user id: one coin each
    name text CHECK (length(name) BETWEEN 1 AND 100),
    symbol text CHECK (symbol ~ '^[A-Z0-9]{2,10}$'),
    decimals smallint NOT NULL DEFAULT 18 CHECK (decimals = 18),
    chain_id bigint NOT NULL,
    treasury text NOT NULL CHECK (treasury ~ '^0x[0-9a-f]{40}$'), -- the artist's wallet
    total_supply numeric(78, 0) NOT NULL DEFAULT 1000000000000000000000000
        CHECK (total_supply = 1000000000000000000000000),
    pool_fee_bps integer NOT NULL CHECK (pool_fee_bps IN (30, 100)),
    base_bps integer NOT NULL CHECK (base_bps BETWEEN 500 AND 1500),
    -- PENDING: its artist's name was not asked for yet.
    status text NOT NULL CHECK (status IN ('PENDING', 'DEPLOYING', 'DEPLOYED', 'TRADABLE', 'FAILED')),
    step text NOT NULL DEFAULT 'deploy', -- rules/steps.py: what is wanted of the chain now
    attempt integer NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    error text,
    address text CHECK (address ~ '^0x[0-9a-f]{40}$'),
    deploy_tx text CHECK (deploy_tx ~ '^0x[0-9a-f]{64}$'),
    staking_address text CHECK (staking_address ~ '^0x[0-9a-f]{40}$'),
    custodian text, -- the platform's wallet: holds what was not given away yet; known from the first log
    rewards_funded numeric(78, 0) NOT NULL DEFAULT 0,
    rewards_paid numeric(78, 0) NOT NULL DEFAULT 0,
    -- The IPO whose buyers are given the participants' part.
    master_id uuid,
    ipo_id uuid,
    participants text NOT NULL DEFAULT 'WAITING' CHECK (participants IN ('WAITING', 'DUE', 'SHARED')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (chain_id, address),
    UNIQUE (chain_id, staking_address),
    CHECK (status = 'PENDING' OR (name IS NOT NULL AND symbol IS NOT NULL)),
    CHECK (participants = 'WAITING' OR ipo_id IS NOT NULL)
);
CREATE INDEX coins_public ON coin.coins (created_at DESC, id) WHERE status IN ('DEPLOYED', 'TRADABLE');
CREATE INDEX coins_pending ON coin.coins (created_at) WHERE status = 'PENDING';
CREATE INDEX coins_due ON coin.coins (updated_at) WHERE participants = 'DUE';

-- The four parts of its supply, and what left the platform's hands, by the chain's own logs.
CREATE TABLE coin.allocations (
    coin_id uuid NOT NULL REFERENCES coin.coins (id),
    bucket text NOT NULL CHECK (bucket IN ('TREASURY', 'PARTICIPANTS', 'POOL', 'COMMUNITY')),
    amount numeric(78, 0) NOT NULL CHECK (amount > 0),
    released numeric(78, 0) NOT NULL DEFAULT 0,
    PRIMARY KEY (coin_id, bucket)
);

-- What each buyer of the first IPO is given.
CREATE TABLE coin.grants (
    coin_id uuid NOT NULL REFERENCES coin.coins (id),
    wallet text NOT NULL CHECK (wallet ~ '^0x[0-9a-f]{40}$'),
    shares integer NOT NULL CHECK (shares > 0),
    amount numeric(78, 0) NOT NULL CHECK (amount > 0),
    status text NOT NULL DEFAULT 'WAITING' CHECK (status IN ('WAITING', 'WANTED', 'GIVEN', 'FAILED')),
    attempt integer NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    due_at timestamptz NOT NULL DEFAULT now(),
    tx_hash text,
    error text,
    PRIMARY KEY (coin_id, wallet)
);
CREATE INDEX grants_due ON coin.grants (due_at) WHERE status IN ('WAITING', 'FAILED');

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

-- The addresses whose logs a service wants, and from which block on.
CREATE TABLE coin.chain_watches (
    chain_id bigint NOT NULL,
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    contract text NOT NULL, -- Master, Dividend, Market, Coin, Staking, Pool
    from_block bigint NOT NULL CHECK (from_block >= 0),
    PRIMARY KEY (chain_id, address)
);

-- How far each chain was mirrored. Its row is the lock under which logs come and go.
CREATE TABLE coin.chain_checkpoints (
    chain_id bigint PRIMARY KEY,
    block bigint NOT NULL CHECK (block >= -1), -- -1: not even the first
    hash text CHECK (hash ~ '^0x[0-9a-f]{64}$'), -- null: rolled back, whoever goes on begins somewhat earlier
    watches integer NOT NULL CHECK (watches > 0) -- rows of chain_watches: what was read for fewer is not all there is
);

-- The logs that are in the chain now, as far as the checkpoint.
CREATE TABLE coin.chain_logs (
    chain_id bigint NOT NULL,
    tx_hash text NOT NULL CHECK (tx_hash ~ '^0x[0-9a-f]{64}$'),
    log_index integer NOT NULL CHECK (log_index >= 0),
    block_number bigint NOT NULL,
    block_hash text NOT NULL CHECK (block_hash ~ '^0x[0-9a-f]{64}$'),
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    contract text NOT NULL,
    name text NOT NULL, -- of the class in clients/chain/contracts/events.py: Minted, ShareTransfer
    arguments jsonb NOT NULL,
    PRIMARY KEY (chain_id, tx_hash, log_index)
);
CREATE INDEX chain_logs_order ON coin.chain_logs (chain_id, block_number, log_index);
