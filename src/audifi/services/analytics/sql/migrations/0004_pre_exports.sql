-- Files somebody asked for. Their bytes are rows, because any pod may be asked for them.
CREATE TABLE analytics.exports (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    artist_id uuid, -- null: of the whole platform
    first_day date NOT NULL,
    last_day date NOT NULL,
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'READY')),
    -- How far it is: the next chunk begins after this row. A pod that dies in between loses nothing.
    after_day date,
    after_master uuid,
    chunks integer NOT NULL DEFAULT 0,
    rows_written bigint NOT NULL DEFAULT 0,
    bytes_written bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    ready_at timestamptz,
    expires_at timestamptz NOT NULL
);
CREATE INDEX exports_pending ON analytics.exports (created_at) WHERE status = 'PENDING';
CREATE INDEX exports_expiry ON analytics.exports (expires_at);

CREATE TABLE analytics.export_chunks (
    export_id uuid NOT NULL REFERENCES analytics.exports (id) ON DELETE CASCADE,
    number integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (export_id, number)
);
