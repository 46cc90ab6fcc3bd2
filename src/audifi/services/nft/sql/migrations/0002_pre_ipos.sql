-- The offer of a master's shares.
CREATE TABLE nft.ipos (
    id uuid PRIMARY KEY,
    master_id uuid NOT NULL UNIQUE REFERENCES nft.masters (id),
    total_shares integer NOT NULL CHECK (total_shares BETWEEN 1 AND 1000000),
    artist_reserve integer NOT NULL CHECK (artist_reserve BETWEEN 0 AND total_shares - 1),
    public_supply integer NOT NULL GENERATED ALWAYS AS (total_shares - artist_reserve) STORED,
    price_wei numeric(78, 0) NOT NULL CHECK (price_wei > 0 AND price_wei < 340282366920938463463374607431768211456),
    currency text NOT NULL CHECK (currency IN ('ETH', 'MATIC')),
    chain_id bigint NOT NULL,
    status text NOT NULL DEFAULT 'DRAFT'
        CHECK (status IN ('DRAFT', 'LAUNCHING', 'SCHEDULED', 'LIVE', 'SOLD_OUT', 'CLOSED', 'CANCELLED')),
    shares_sold integer NOT NULL DEFAULT 0 CHECK (shares_sold >= 0),
    shares_reserved integer NOT NULL DEFAULT 0 CHECK (shares_reserved >= 0),
    next_token_id integer NOT NULL DEFAULT 1 CHECK (next_token_id >= 1), -- mirrors the contract; gaps are seen by it
    holders_bps integer NOT NULL CHECK (holders_bps BETWEEN 1000 AND 8000),
    artist_bps integer NOT NULL CHECK (artist_bps >= 0),
    platform_bps integer NOT NULL DEFAULT 0 CHECK (platform_bps >= 0),
    tier_policy jsonb NOT NULL DEFAULT '{"policy": "mint-position"}',
    early_access_hours integer NOT NULL DEFAULT 0 CHECK (early_access_hours BETWEEN 0 AND 72),
    starts_at timestamptz,
    ends_at timestamptz,
    actual_start timestamptz,
    actual_end timestamptz,
    artist_wallet text CHECK (artist_wallet ~ '^0x[0-9a-f]{40}$'), -- the payout wallet, fixed when the deployment begins
    launch_asked_at timestamptz, -- null: minted only, the sale does not open by itself
    ending text CHECK (ending IN ('CLOSE', 'CANCEL')), -- set: nothing may be reserved any more
    step text, -- where its saga is; null: nothing is under way
    asks integer NOT NULL DEFAULT 0, -- how often the chain was asked for something: part of a command's key
    due_at timestamptz, -- when the timers look at it; null: it waits for an event, or for nothing
    launch_error text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (shares_sold + shares_reserved <= total_shares - artist_reserve),
    CHECK (holders_bps + artist_bps + platform_bps <= 10000), -- the rest is the collaborators'
    CHECK (ends_at IS NULL OR starts_at IS NULL OR ends_at > starts_at)
);
CREATE INDEX ipos_due ON nft.ipos (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ipos_launching ON nft.ipos (step, chain_id) WHERE status = 'LAUNCHING';

-- The contracts of a master. How far each chain was read is in chain_checkpoints.
CREATE TABLE nft.contracts (
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    kind text NOT NULL CHECK (kind IN ('MASTER', 'DIVIDEND')),
    chain_id bigint NOT NULL,
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    deploy_tx text NOT NULL,
    deploy_block bigint NOT NULL,
    abi_version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (master_id, kind, chain_id),
    UNIQUE (chain_id, address)
);

-- The marketplace of a chain: one, for all masters.
CREATE TABLE nft.markets (
    chain_id bigint PRIMARY KEY,
    asks integer NOT NULL DEFAULT 1,
    is_asked boolean NOT NULL DEFAULT true, -- false: the last ask failed
    address text CHECK (address ~ '^0x[0-9a-f]{40}$'), -- null: not there yet
    deploy_tx text,
    deploy_block bigint
);

-- What the launch of a master asked of a chain, and what became of it.
CREATE TABLE nft.commands (
    key text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 200),
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    step text NOT NULL,
    ask integer NOT NULL, -- of several asks for a step the last one counts
    state text NOT NULL DEFAULT 'WANTED'
        CHECK (state IN ('WANTED', 'CONFIRMED', 'FINAL', 'FAILED', 'REFUSED', 'UNDONE')),
    tx_hash text,
    block_number bigint,
    contract text,
    error text,
    wanted_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz
);
CREATE UNIQUE INDEX commands_step ON nft.commands (master_id, step, ask);
