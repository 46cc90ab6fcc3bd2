-- Schema of the worker: the truth a reader opens. It equals the replay of migrations/ (agreement test);
-- outbox, idempotency_keys and processed_events come from kernel/sql.

-- What we write to chains. A signer's row is locked to hand out its next nonce, so that a nonce is given once.
CREATE TABLE worker.signers (
    chain_id bigint NOT NULL,
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    next_nonce bigint NOT NULL CHECK (next_nonce >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chain_id, address)
);

-- A transaction asked for: once per key, signer and chain. docs/chain-transactions.md has the states as a table.
CREATE TABLE worker.transactions (
    id uuid PRIMARY KEY,
    chain_id bigint NOT NULL,
    signer text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    recipient text CHECK (recipient ~ '^0x[0-9a-f]{40}$'), -- null: the data makes a contract
    data bytea NOT NULL,
    value_wei numeric(78, 0) NOT NULL CHECK (value_wei >= 0),
    gas bigint CHECK (gas > 0), -- the caller's own limit; null: estimated
    state text NOT NULL DEFAULT 'wanted'
        CHECK (state IN ('wanted', 'signed', 'sent', 'mined', 'confirmed', 'final', 'failed', 'refused')),
    nonce bigint CHECK (nonce >= 0),
    hash text, -- of the version that counts: the mined one, else the newest
    block_number bigint,
    block_hash text,
    reverted boolean NOT NULL DEFAULT false,
    gone boolean NOT NULL DEFAULT false, -- its own bytes can never be accepted: a filler takes the nonce
    nonce_used_block bigint, -- head when the nonce was first seen used by none of our versions
    error text,
    tries integer NOT NULL DEFAULT 0, -- failures since the last progress: how long until the next look
    next_at timestamptz NOT NULL DEFAULT now(), -- when a keeper looks again; ahead of time while one has it
    revision integer NOT NULL DEFAULT 0, -- counts every change: a keeper that was overtaken changes nothing
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (chain_id, signer, key),
    CHECK ((nonce IS NULL) = (hash IS NULL)),
    CHECK (nonce IS NOT NULL OR state IN ('wanted', 'refused')),
    CHECK ((block_number IS NULL) = (block_hash IS NULL)),
    CHECK (block_number IS NOT NULL OR state NOT IN ('mined', 'confirmed', 'final', 'failed'))
);
-- The promise of the whole part: one nonce, one transaction.
CREATE UNIQUE INDEX transactions_nonce ON worker.transactions (chain_id, signer, nonce) WHERE nonce IS NOT NULL;
CREATE INDEX transactions_due ON worker.transactions (chain_id, signer, next_at)
    WHERE state NOT IN ('final', 'failed', 'refused');

-- What was signed for a transaction, kept before it is sent: one nonce, several fees. Whichever is mined counts.
CREATE TABLE worker.transaction_versions (
    transaction_id uuid NOT NULL REFERENCES worker.transactions (id),
    number integer NOT NULL CHECK (number >= 1),
    hash text NOT NULL UNIQUE CHECK (hash ~ '^0x[0-9a-f]{64}$'),
    raw bytea NOT NULL,
    is_filler boolean NOT NULL DEFAULT false, -- 0 wei to ourselves, so that the nonce is no gap
    gas bigint NOT NULL,
    fee_max_wei numeric(78, 0) NOT NULL, -- maxFeePerGas
    tip_max_wei numeric(78, 0) NOT NULL, -- maxPriorityFeePerGas
    signed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (transaction_id, number)
);

-- What we publish by content address. The bytes are in CONTENT_DIRECTORY under the CID, and at the providers.
CREATE TABLE worker.contents (
    cid text PRIMARY KEY CHECK (cid ~ '^(Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{58})$'),
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'), -- of the file; of its own block for a directory
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    car_bytes bigint NOT NULL CHECK (car_bytes > 0), -- what an upload sends
    profile text NOT NULL, -- how the CID was made, so that it can be made again
    name text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    announced_at timestamptz -- when content.pinned was published; null: not yet, or wanted again since
);
CREATE INDEX contents_unannounced ON worker.contents (cid) WHERE announced_at IS NULL;

-- One wanted copy at one provider. docs/ipfs-pinning.md has the states as a table.
CREATE TABLE worker.pins (
    cid text NOT NULL REFERENCES worker.contents (cid),
    provider text NOT NULL,
    state text NOT NULL DEFAULT 'wanted'
        CHECK (state IN ('wanted', 'uploading', 'pinned', 'verified', 'failed', 'lost')),
    remote_id text, -- the provider's own name for the pin
    resume_url text, -- where an interrupted upload goes on
    asked_at timestamptz, -- since when the provider is fetching it
    attempts integer NOT NULL DEFAULT 0, -- since the last success
    next_at timestamptz NOT NULL, -- when a keeper looks again; ahead of time while one has it
    claim uuid, -- who has it: a keeper that was overtaken changes nothing
    verified_at timestamptz,
    last_error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (cid, provider),
    CHECK (verified_at IS NOT NULL OR state <> 'verified')
);
CREATE INDEX pins_due ON worker.pins (provider, next_at) WHERE state <> 'failed';

-- Minted tokens to be registered at NFT.Storage for preservation: no pin, and nothing waits for it.
CREATE TABLE worker.preservations (
    chain_id bigint NOT NULL,
    contract text NOT NULL CHECK (contract ~ '^0x[0-9a-f]{40}$'),
    token_id numeric(78, 0) NOT NULL CHECK (token_id >= 0),
    cid text NOT NULL REFERENCES worker.contents (cid),
    state text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'registered', 'preserved', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    last_error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (chain_id, contract, token_id)
);
CREATE INDEX preservations_due ON worker.preservations (next_at) WHERE state IN ('wanted', 'registered');

-- What services wanted of a chain, by their keys, and the state they were told last. The transaction is in
-- `transactions`, under the same chain and key.
CREATE TABLE worker.commands (
    chain_id bigint NOT NULL,
    key text NOT NULL,
    producer text NOT NULL,
    command jsonb NOT NULL, -- as it came: a key stands for one command
    told text CHECK (told IN ('CONFIRMED', 'FINAL', 'FAILED', 'REFUSED', 'UNDONE')),
    asked_at timestamptz NOT NULL DEFAULT now(),
    told_at timestamptz,
    PRIMARY KEY (chain_id, key)
);

-- Who follows a chain for a service now. Only to spare the work of two: what protects the rows is their checkpoint.
CREATE TABLE worker.leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    until timestamptz NOT NULL
);

-- Mail that an event promised. Whom it goes to is asked of auth-service when it is sent: nothing here names a person.
CREATE TABLE worker.mails (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    about text NOT NULL, -- what it tells of: one mail of a kind about it, for ever
    user_id text NOT NULL,
    facts jsonb NOT NULL, -- a list: what the text is made of, one entry per event
    message_id text NOT NULL UNIQUE, -- stable over resends, so that a second delivery is recognisable
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, -- after that it is history, not news
    sent_at timestamptz,
    failed_at timestamptz,
    last_error text,
    UNIQUE (kind, about)
);
CREATE INDEX mails_due ON worker.mails (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;
