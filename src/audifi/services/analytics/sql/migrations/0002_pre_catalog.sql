-- Whose is what, as events say: for access, for names on pages, for what clients may name.
CREATE TABLE analytics.masters (
    master_id uuid PRIMARY KEY,
    artist_id uuid NOT NULL,
    title text,
    type text,
    status text NOT NULL DEFAULT 'DRAFT',
    status_at timestamptz NOT NULL DEFAULT '-infinity', -- of the event that said so: an older one changes nothing
    ipo_status text,
    ipo_status_at timestamptz NOT NULL DEFAULT '-infinity',
    chain_id bigint,
    total_shares integer,
    public_supply integer,
    price_wei numeric(78, 0),
    launched_at timestamptz
);
CREATE INDEX masters_artist ON analytics.masters (artist_id);

CREATE TABLE analytics.sessions (
    session_id uuid PRIMARY KEY,
    artist_id uuid NOT NULL,
    master_id uuid,
    status text NOT NULL DEFAULT 'SCHEDULED',
    status_at timestamptz NOT NULL DEFAULT '-infinity',
    started_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX sessions_artist ON analytics.sessions (artist_id);

-- How many shares a wallet has: the sum of what came and what went, in whatever order it was told.
CREATE TABLE analytics.holdings (
    master_id uuid NOT NULL,
    wallet text NOT NULL,
    artist_id uuid NOT NULL,
    shares integer NOT NULL CHECK (shares <> 0), -- negative while a sale is known and the mint is not yet
    PRIMARY KEY (master_id, wallet)
);
CREATE INDEX holdings_artist ON analytics.holdings (artist_id, wallet);
CREATE INDEX holdings_size ON analytics.holdings (master_id, shares DESC, wallet);
