-- Schema of nft-service: the truth a reader opens. It equals the replay of migrations/ (agreement test);
-- outbox, idempotency_keys and processed_events come from kernel/sql.

-- A recording, and what it is called. From LOCKED on its content and splits do not change.
CREATE TABLE nft.masters (
    id uuid PRIMARY KEY,
    artist_id uuid NOT NULL, -- the artist's user id
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    description text CHECK (length(description) <= 5000),
    type text NOT NULL CHECK (type IN ('TRACK', 'ALBUM')),
    genre text NOT NULL,
    bpm integer CHECK (bpm BETWEEN 1 AND 999),
    duration_s integer CHECK (duration_s > 0),
    mood_tags text[] NOT NULL DEFAULT '{}' CHECK (cardinality(mood_tags) <= 5),
    release_date date,
    isrc text CHECK (isrc ~ '^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$'),
    audio_cid text,
    cover_cid text,
    metadata_cid text,
    status text NOT NULL DEFAULT 'DRAFT'
        CHECK (status IN ('DRAFT', 'IN_VSTUDIO', 'LOCKED', 'MINTED', 'LISTED', 'SOLD', 'ARCHIVED')),
    rights_confirmed_at timestamptz,
    vstudio_session_id uuid,
    taken_down_at timestamptz, -- the public is answered 451 from here on
    metadata jsonb NOT NULL DEFAULT '{}', -- e.g. the winners of the session that locked it
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz -- when its contracts were live
);
CREATE INDEX masters_artist ON nft.masters (artist_id, created_at DESC);
CREATE INDEX masters_public ON nft.masters (created_at DESC) WHERE status NOT IN ('DRAFT', 'ARCHIVED');
CREATE INDEX masters_published ON nft.masters (status, published_at DESC) WHERE status IN ('LISTED', 'MINTED');
CREATE INDEX masters_words ON nft.masters USING gin (to_tsvector('simple', title));

-- Who has a part of its revenue, in the order the artist named them.
CREATE TABLE nft.master_collaborators (
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    position integer NOT NULL CHECK (position >= 1),
    name text NOT NULL,
    role text NOT NULL,
    split_bps integer NOT NULL CHECK (split_bps BETWEEN 0 AND 9000),
    wallet text CHECK (wallet ~ '^0x[0-9a-f]{40}$'),
    PRIMARY KEY (master_id, position)
);

-- What was put on the shared content directory, and since when the primary provider has it.
CREATE TABLE nft.contents (
    cid text PRIMARY KEY,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    media_type text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    pinned_at timestamptz
);

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
    step text, -- where the saga is; null: nothing is asked of the chain
    asks integer NOT NULL DEFAULT 0, -- how often a step was asked of the chain: part of the command's key
    retry_at timestamptz, -- a step failed after the deployment: when it is asked for again
    launch_error text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (shares_sold + shares_reserved <= total_shares - artist_reserve),
    CHECK (holders_bps + artist_bps + platform_bps <= 10000), -- the rest is the collaborators'
    CHECK (ends_at IS NULL OR starts_at IS NULL OR ends_at > starts_at)
);
-- What the timers look for.
CREATE INDEX ipos_due ON nft.ipos (status) WHERE status IN ('LAUNCHING', 'SCHEDULED', 'LIVE');

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
    address text CHECK (address ~ '^0x[0-9a-f]{40}$'), -- null: asked for
    deploy_tx text,
    deploy_block bigint
);

-- What the launch of a master asked of a chain, and what became of it.
CREATE TABLE nft.commands (
    key text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 200),
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    step text NOT NULL,
    state text NOT NULL DEFAULT 'WANTED'
        CHECK (state IN ('WANTED', 'CONFIRMED', 'FINAL', 'FAILED', 'REFUSED', 'UNDONE')),
    tx_hash text,
    block_number bigint,
    contract text,
    error text,
    wanted_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz
);
CREATE INDEX commands_step ON nft.commands (master_id, step);
