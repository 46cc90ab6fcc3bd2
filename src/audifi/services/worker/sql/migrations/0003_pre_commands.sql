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

-- When content.pinned was published; null: not yet, or wanted again since.
ALTER TABLE worker.contents ADD COLUMN announced_at timestamptz;
CREATE INDEX contents_unannounced ON worker.contents (cid) WHERE announced_at IS NULL;
