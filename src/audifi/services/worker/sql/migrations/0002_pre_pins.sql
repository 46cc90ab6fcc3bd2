-- What we publish by content address. The bytes are in CONTENT_DIRECTORY under the CID, and at the providers.
CREATE TABLE worker.contents (
    cid text PRIMARY KEY CHECK (cid ~ '^(Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{58})$'),
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'), -- of the file; of its own block for a directory
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    car_bytes bigint NOT NULL CHECK (car_bytes > 0), -- what an upload sends
    profile text NOT NULL, -- how the CID was made, so that it can be made again
    name text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL
);

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
