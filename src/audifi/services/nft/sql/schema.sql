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

-- One numbered part of a master, as the chain tells it. Rows come with Minted and leave only when a reorg takes it back.
CREATE TABLE nft.shares (
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    token_id integer NOT NULL CHECK (token_id BETWEEN 1 AND 1000000),
    chain_id bigint NOT NULL,
    owner_wallet text NOT NULL CHECK (owner_wallet ~ '^0x[0-9a-f]{40}$'),
    owner_user_id uuid, -- null: nobody linked that wallet
    tier smallint NOT NULL CHECK (tier BETWEEN 1 AND 4), -- of the token, for ever
    royalty_bps smallint NOT NULL CHECK (royalty_bps BETWEEN 0 AND 10000),
    original_minter text NOT NULL CHECK (original_minter ~ '^0x[0-9a-f]{40}$'),
    mint_price_wei numeric(78, 0) NOT NULL CHECK (mint_price_wei >= 0), -- 0: of the artist's reserve
    mint_tx text NOT NULL,
    mint_log integer NOT NULL,
    minted_at timestamptz NOT NULL, -- when we read it
    staked_until timestamptz,
    last_transfer_at timestamptz,
    PRIMARY KEY (master_id, token_id)
);
CREATE INDEX shares_of_wallet ON nft.shares (owner_wallet, master_id, token_id);
CREATE INDEX shares_of_user ON nft.shares (owner_user_id, master_id, token_id) WHERE owner_user_id IS NOT NULL;
CREATE INDEX shares_of_mint ON nft.shares (master_id, mint_tx, mint_log);

-- How many shares of a master a wallet holds: kept by a trigger, because counting a million rows is no answer.
CREATE TABLE nft.holders (
    master_id uuid NOT NULL,
    wallet text NOT NULL,
    shares integer NOT NULL CHECK (shares > 0),
    PRIMARY KEY (master_id, wallet)
);

CREATE FUNCTION nft.count_holders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM nft.holders WHERE master_id = OLD.master_id AND wallet = OLD.owner_wallet AND shares = 1;
        IF NOT FOUND THEN
            UPDATE nft.holders SET shares = shares - 1 WHERE master_id = OLD.master_id AND wallet = OLD.owner_wallet;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO nft.holders AS held (master_id, wallet, shares) VALUES (NEW.master_id, NEW.owner_wallet, 1)
            ON CONFLICT (master_id, wallet) DO UPDATE SET shares = held.shares + 1;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER holders AFTER INSERT OR DELETE OR UPDATE OF owner_wallet ON nft.shares
    FOR EACH ROW EXECUTE FUNCTION nft.count_holders();

-- Every move of a share that is in the chain now.
CREATE TABLE nft.share_transfers (
    chain_id bigint NOT NULL,
    tx_hash text NOT NULL,
    log_index integer NOT NULL,
    block_number bigint NOT NULL,
    master_id uuid NOT NULL,
    token_id integer NOT NULL,
    type text NOT NULL CHECK (type IN ('MINT', 'TRANSFER', 'SALE', 'BURN')),
    from_wallet text, -- null: minted
    to_wallet text NOT NULL,
    price_wei numeric(78, 0) CHECK (price_wei >= 0), -- null: moved for nothing, or outside our marketplace
    royalty_wei numeric(78, 0),
    fee_wei numeric(78, 0),
    marketplace text,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (chain_id, tx_hash, log_index)
);
CREATE INDEX share_transfers_of_share ON nft.share_transfers (master_id, token_id, block_number DESC, log_index DESC);

-- A share offered for resale. What the chain says of it ends and begins it; a wish of its owner is PENDING_CHAIN.
CREATE TABLE nft.listings (
    id uuid PRIMARY KEY,
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    token_id integer NOT NULL,
    chain_id bigint NOT NULL,
    genre text NOT NULL, -- the master's, which does not change any more: browsing needs no join to filter
    seller_wallet text NOT NULL CHECK (seller_wallet ~ '^0x[0-9a-f]{40}$'),
    price_wei numeric(78, 0) NOT NULL CHECK (price_wei > 0 AND price_wei < 79228162514264337593543950336), -- uint96
    status text NOT NULL CHECK (status IN ('PENDING_CHAIN', 'ACTIVE', 'IN_ESCROW', 'SOLD', 'CANCELLED')),
    listed_tx text, -- the Listed log; null: not on the chain (any more)
    listed_log integer,
    ended_tx text, -- the log that ended it: Sold, Delisted, Listed again, or a transfer
    ended_log integer,
    status_before text, -- what the chain ended; back to it when a reorg takes that log away
    created_at timestamptz NOT NULL,
    listed_at timestamptz,
    ended_at timestamptz
);
CREATE UNIQUE INDEX listings_one_offer ON nft.listings (master_id, token_id) WHERE status IN ('ACTIVE', 'IN_ESCROW');
CREATE UNIQUE INDEX listings_one_wish ON nft.listings (master_id, token_id, seller_wallet)
    WHERE status = 'PENDING_CHAIN';
CREATE INDEX listings_of_share ON nft.listings (master_id, token_id, created_at DESC);
CREATE INDEX listings_ended ON nft.listings (ended_tx, ended_log) WHERE ended_tx IS NOT NULL;
CREATE INDEX listings_price ON nft.listings (price_wei, id) WHERE status = 'ACTIVE';
CREATE INDEX listings_newest ON nft.listings (listed_at, id) WHERE status = 'ACTIVE';
CREATE INDEX listings_genre_price ON nft.listings (genre, price_wei, id) WHERE status = 'ACTIVE';
CREATE INDEX listings_genre_newest ON nft.listings (genre, listed_at, id) WHERE status = 'ACTIVE';
-- The other half of what can be bought.
CREATE INDEX ipos_live_price ON nft.ipos (price_wei, id) WHERE status = 'LIVE';
CREATE INDEX ipos_live_newest ON nft.ipos (actual_start, id) WHERE status = 'LIVE';

-- RESERVED -> [PAID ->] PENDING_CHAIN -> COMPLETED, else EXPIRED, FAILED, REFUND_DUE -> REFUNDED. The first three hold
-- what they bought: a primary one counts in ipos.shares_reserved, a secondary one keeps its listing IN_ESCROW.
CREATE TABLE nft.purchases (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('PRIMARY', 'SECONDARY')),
    buyer_user_id uuid NOT NULL,
    wallet text NOT NULL CHECK (wallet ~ '^0x[0-9a-f]{40}$'),
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    listing_id uuid REFERENCES nft.listings (id),
    chain_id bigint NOT NULL,
    currency text NOT NULL,
    quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 10),
    unit_wei numeric(78, 0) NOT NULL CHECK (unit_wei > 0),
    total_wei numeric(78, 0) NOT NULL,
    fee_wei numeric(78, 0) NOT NULL CHECK (fee_wei >= 0),
    royalty_wei numeric(78, 0) NOT NULL CHECK (royalty_wei >= 0),
    seller_wei numeric(78, 0) NOT NULL CHECK (seller_wei >= 0), -- of a primary sale: the artist's
    payment_method text NOT NULL CHECK (payment_method IN ('WALLET', 'STRIPE')),
    status text NOT NULL CHECK (status IN
        ('RESERVED', 'PAID', 'PENDING_CHAIN', 'COMPLETED', 'EXPIRED', 'FAILED', 'REFUND_DUE', 'REFUNDED')),
    expires_at timestamptz NOT NULL,
    tx_hash text, -- what the buyer says, then what completed it
    log_index integer, -- the log that completed it
    token_ids integer[] NOT NULL DEFAULT '{}',
    payment_id text, -- payment-service's, of a card
    paid_cents bigint,
    paid_currency text,
    paid_at timestamptz,
    mint_tries integer NOT NULL DEFAULT 0, -- how often the chain was asked to mint: part of the command's key
    look_at timestamptz, -- when the loop looks at it next
    alerted_at timestamptz,
    failure text,
    consent_versions jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    completed_at timestamptz,
    CHECK (total_wei = unit_wei * quantity),
    CHECK (fee_wei + royalty_wei + seller_wei = total_wei),
    CHECK ((kind = 'SECONDARY') = (listing_id IS NOT NULL)),
    CHECK (status <> 'COMPLETED' OR (tx_hash IS NOT NULL AND cardinality(token_ids) = quantity))
);
-- One purchase per transaction until it is mined, then one per log: a contract can buy twice in one transaction.
CREATE UNIQUE INDEX purchases_tx ON nft.purchases (tx_hash, log_index) NULLS NOT DISTINCT WHERE tx_hash IS NOT NULL;
CREATE INDEX purchases_of_user ON nft.purchases (buyer_user_id, created_at DESC);
CREATE INDEX purchases_expiring ON nft.purchases (expires_at) WHERE status = 'RESERVED';
CREATE INDEX purchases_held ON nft.purchases (master_id, created_at) WHERE status IN ('RESERVED', 'PAID', 'PENDING_CHAIN');
CREATE INDEX purchases_looked_at ON nft.purchases (look_at) WHERE status IN ('PAID', 'PENDING_CHAIN');
CREATE INDEX purchases_of_wallet ON nft.purchases (wallet, master_id, created_at);
CREATE INDEX purchases_of_listing ON nft.purchases (listing_id, created_at) WHERE listing_id IS NOT NULL;

-- Whose wallet it is, as auth-service told us: an unlinked one keeps its row, so that a late event is seen to be late.
CREATE TABLE nft.wallet_owners (
    wallet text NOT NULL,
    chain_id bigint NOT NULL,
    user_id uuid, -- null: unlinked
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (wallet, chain_id)
);
CREATE INDEX wallet_owners_user ON nft.wallet_owners (user_id) WHERE user_id IS NOT NULL;

-- Who took part in a session: they may reserve before everybody else.
CREATE TABLE nft.session_participants (
    session_id uuid NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (session_id, user_id)
);

-- What nft-service knows of the chains: written by clients/chain/mirroring alone (its tables.sql), we read.
-- The addresses whose logs a service wants, and from which block on.
CREATE TABLE nft.chain_watches (
    chain_id bigint NOT NULL,
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    contract text NOT NULL, -- Master, Dividend, Market, Coin, Staking, Pool
    from_block bigint NOT NULL CHECK (from_block >= 0),
    PRIMARY KEY (chain_id, address)
);

-- How far each chain was mirrored. Its row is the lock under which logs come and go.
CREATE TABLE nft.chain_checkpoints (
    chain_id bigint PRIMARY KEY,
    block bigint NOT NULL CHECK (block >= -1), -- -1: not even the first
    hash text CHECK (hash ~ '^0x[0-9a-f]{64}$'), -- null: rolled back, whoever goes on begins somewhat earlier
    watches integer NOT NULL CHECK (watches > 0) -- rows of chain_watches: what was read for fewer is not all there is
);

-- The logs that are in the chain now, as far as the checkpoint.
CREATE TABLE nft.chain_logs (
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
CREATE INDEX chain_logs_order ON nft.chain_logs (chain_id, block_number, log_index);

-- What a master earned, as somebody says. It pays nobody before an administrator saw the proof.
CREATE TABLE nft.revenue_events (
    id uuid PRIMARY KEY, -- also the payout id of its deposit on the chain
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    source text NOT NULL CHECK (source IN ('STREAMING', 'SYNC', 'DOWNLOAD', 'PHYSICAL', 'LICENSE', 'MERCHANDISE',
                                           'RESALE_ROYALTY', 'MANUAL', 'OTHER')),
    amount_wei numeric(78, 0) NOT NULL CHECK (amount_wei > 0 AND amount_wei < 340282366920938463463374607431768211456),
    external_reference text NOT NULL CHECK (length(external_reference) BETWEEN 1 AND 200), -- one statement, paid once
    period_start date,
    period_end date,
    note text CHECK (length(note) <= 2000),
    status text NOT NULL DEFAULT 'PENDING'
        CHECK (status IN ('PENDING', 'VERIFIED', 'DEPOSITED', 'DISTRIBUTED', 'FAILED', 'DISPUTED')),
    recorded_by uuid NOT NULL,
    verified_by uuid,
    verified_at timestamptz,
    deposit_asks integer NOT NULL DEFAULT 0, -- how often the deposit was asked for: part of the command's key
    deposit_tx text, -- null though DEPOSITED: it was deposited before we asked, and the chain says where
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (master_id, source, external_reference),
    CHECK (period_end >= period_start)
);
CREATE INDEX revenue_events_master ON nft.revenue_events (master_id, created_at DESC, id);

-- One revenue event on its way to the holders: one epoch of the master's dividend contract.
CREATE TABLE nft.distributions (
    id uuid PRIMARY KEY,
    revenue_event_id uuid NOT NULL UNIQUE REFERENCES nft.revenue_events (id),
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    chain_id bigint NOT NULL,
    dividend text NOT NULL CHECK (dividend ~ '^0x[0-9a-f]{40}$'),
    epoch bigint NOT NULL CHECK (epoch >= 1),
    gross_wei numeric(78, 0) NOT NULL,
    holders_wei numeric(78, 0) NOT NULL CHECK (holders_wei > 0),
    artist_wei numeric(78, 0) NOT NULL CHECK (artist_wei >= 0),
    platform_wei numeric(78, 0) NOT NULL CHECK (platform_wei >= 0),
    collaborators_wei numeric(78, 0) NOT NULL CHECK (collaborators_wei >= 0),
    collaborators jsonb NOT NULL, -- [{"name", "wallet", "bps", "amountWei"}]
    status text NOT NULL DEFAULT 'SNAPSHOT' CHECK (status IN ('SNAPSHOT', 'ALLOCATED', 'OPEN', 'SETTLED')),
    snapshot_block bigint, -- owners at the end of this block: the deposit's
    snapshot_at timestamptz,
    total_weight bigint,
    wallets integer,
    merkle_root text CHECK (merkle_root ~ '^0x[0-9a-f]{64}$'),
    root_asks integer NOT NULL DEFAULT 0,
    root_tx text,
    root_block bigint,
    leased_until timestamptz, -- a pod works on its next step
    retry_at timestamptz, -- the root was not taken: when it is asked for again
    error text,
    announced_at timestamptz, -- dividend.distributed was published
    opened_at timestamptz,
    settled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (dividend, epoch, chain_id),
    CHECK (gross_wei = holders_wei + artist_wei + platform_wei + collaborators_wei),
    CHECK (status = 'SNAPSHOT' OR (snapshot_block IS NOT NULL AND total_weight > 0))
);
CREATE INDEX distributions_master ON nft.distributions (master_id, epoch);
CREATE INDEX distributions_due ON nft.distributions (created_at) WHERE status IN ('SNAPSHOT', 'ALLOCATED');

-- Who held which share at the end of a block. Never changed: the block is final.
CREATE TABLE nft.ownership_snapshots (
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    block bigint NOT NULL,
    token_id integer NOT NULL,
    owner_wallet text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL CHECK (reason IN ('DAILY', 'DIVIDEND', 'AIRDROP')),
    PRIMARY KEY (master_id, block, token_id)
);

-- What each wallet is owed of a distribution. Nothing to claim (0 wei) is claimed from the start.
CREATE TABLE nft.dividend_allocations (
    id uuid PRIMARY KEY,
    distribution_id uuid NOT NULL REFERENCES nft.distributions (id),
    wallet text NOT NULL CHECK (wallet ~ '^0x[0-9a-f]{40}$'),
    weight bigint NOT NULL CHECK (weight > 0),
    amount_wei numeric(78, 0) NOT NULL CHECK (amount_wei >= 0),
    status text NOT NULL CHECK (status IN ('AVAILABLE', 'PENDING', 'CLAIMED', 'FAILED')),
    claim_asks integer NOT NULL DEFAULT 0, -- how often the chain was asked to pay: part of the command's key
    failed_asks integer NOT NULL DEFAULT 0, -- the last of them that it did not pay
    claimed_by uuid, -- who asked for it here; null when the wallet claimed on the chain by itself
    claim_tx text,
    claim_block bigint,
    claimed_at timestamptz,
    announced_at timestamptz, -- dividend.claimed was published
    error text,
    UNIQUE (distribution_id, wallet)
);
CREATE INDEX dividend_allocations_wallet ON nft.dividend_allocations (wallet, status);
CREATE INDEX dividend_allocations_open ON nft.dividend_allocations (distribution_id) WHERE status <> 'CLAIMED';

-- The tree behind a root: 32 bytes a node, root first (clients/chain/contracts/merkle.py). Uncompressed, so that a proof
-- reads the few nodes it needs.
CREATE TABLE nft.distribution_trees (
    distribution_id uuid PRIMARY KEY REFERENCES nft.distributions (id),
    nodes bytea NOT NULL CHECK (length(nodes) % 64 = 32)
);
ALTER TABLE nft.distribution_trees ALTER COLUMN nodes SET STORAGE EXTERNAL;

-- What the chain says was paid in; its payout id is a revenue event's, unless somebody else paid in.
CREATE TABLE nft.dividend_deposits (
    chain_id bigint NOT NULL,
    tx_hash text NOT NULL,
    log_index integer NOT NULL,
    dividend text NOT NULL,
    depositor text NOT NULL,
    payout_id text NOT NULL,
    amount_wei numeric(78, 0) NOT NULL,
    block_number bigint NOT NULL,
    PRIMARY KEY (chain_id, tx_hash, log_index)
);
CREATE INDEX dividend_deposits_dividend ON nft.dividend_deposits (dividend, chain_id, block_number);
CREATE INDEX dividend_deposits_payout ON nft.dividend_deposits (payout_id);

-- What the comparison with the chain found, once an hour by whichever pod came first.
CREATE TABLE nft.reconciliations (
    slot timestamptz PRIMARY KEY,
    pod text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    differences integer,
    report jsonb
);

-- The amounts are the holders' pool to the last wei: judged when the transaction that allocates commits.
CREATE FUNCTION nft.require_whole_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allocated numeric;
    weights numeric;
BEGIN
    SELECT coalesce(sum(amount_wei), 0), coalesce(sum(weight), 0) INTO allocated, weights
      FROM nft.dividend_allocations WHERE distribution_id = NEW.id;
    IF allocated <> NEW.holders_wei OR weights <> NEW.total_weight THEN
        RAISE EXCEPTION 'distribution %: % wei over % shares are allocated, its pool is % wei over %',
            NEW.id, allocated, weights, NEW.holders_wei, NEW.total_weight USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER whole_allocation AFTER INSERT OR UPDATE OF status ON nft.distributions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'ALLOCATED')
    EXECUTE FUNCTION nft.require_whole_allocation();

-- And they stay it: what was allocated does not change, and nothing is added to it.
CREATE FUNCTION nft.refuse_late_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN nft.distributions d ON d.id = added.distribution_id WHERE d.status <> 'SNAPSHOT')
    THEN
        RAISE EXCEPTION 'nft.dividend_allocations: a distribution that is allocated takes no more'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER allocated_once AFTER INSERT ON nft.dividend_allocations REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION nft.refuse_late_allocation();

CREATE FUNCTION nft.refuse_allocation_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.%: % of what was divided is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER allocated_stays BEFORE UPDATE OF id, distribution_id, wallet, weight, amount_wei OR DELETE
    ON nft.dividend_allocations FOR EACH ROW EXECUTE FUNCTION nft.refuse_allocation_change();
CREATE TRIGGER settled_stays BEFORE UPDATE OF gross_wei, holders_wei, artist_wei, platform_wei, collaborators_wei,
    epoch, dividend, chain_id, revenue_event_id ON nft.distributions
    FOR EACH ROW EXECUTE FUNCTION nft.refuse_allocation_change();
