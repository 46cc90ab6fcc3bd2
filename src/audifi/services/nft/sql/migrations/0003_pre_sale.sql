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
