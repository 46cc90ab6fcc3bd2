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
