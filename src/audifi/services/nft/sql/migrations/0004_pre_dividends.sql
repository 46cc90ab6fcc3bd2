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
