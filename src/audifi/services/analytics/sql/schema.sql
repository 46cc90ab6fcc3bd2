-- Schema of analytics-service: the truth a reader opens. It equals the replay of migrations/ (agreement test);
-- outbox, idempotency_keys and processed_events come from kernel/sql.

-- What happened, once each: what services told the queue and what clients told us.
CREATE TABLE analytics.analytics_events (
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL, -- when it happened, as the event says: the same event always has the same
    type text NOT NULL CHECK (length(type) <= 50),
    -- What money, shares and accounts are counted from is kept; what people looked at goes after 90 days.
    is_lasting boolean NOT NULL,
    artist_id uuid,
    master_id uuid,
    session_id uuid,
    user_id uuid,
    visitor bytea, -- one person on one day, without saying who
    properties jsonb NOT NULL DEFAULT '{}',
    ip inet,
    ip_hash bytea, -- replaces ip after 30 days
    user_agent text,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX analytics_events_artist ON analytics.analytics_events (artist_id, created_at) WHERE artist_id IS NOT NULL;
CREATE INDEX analytics_events_platform ON analytics.analytics_events (created_at) WHERE artist_id IS NULL;
CREATE INDEX analytics_events_session ON analytics.analytics_events (session_id, created_at)
    WHERE session_id IS NOT NULL;
CREATE INDEX analytics_events_lasting ON analytics.analytics_events (master_id, created_at)
    WHERE is_lasting AND master_id IS NOT NULL;
CREATE INDEX analytics_events_public ON analytics.analytics_events (created_at, event_id) WHERE type IN (
    'ipo.launched', 'ipo.sold_out', 'ipo.closed', 'purchase.completed', 'share.sold', 'dividend.distributed',
    'session.started', 'session.ended');
CREATE INDEX analytics_events_user ON analytics.analytics_events (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX analytics_events_passing ON analytics.analytics_events (created_at) WHERE NOT is_lasting;
CREATE INDEX analytics_events_ip ON analytics.analytics_events (created_at) WHERE ip IS NOT NULL;

-- Makes the partition of a month, in UTC; returns whether it had to. ATTACH lets readers and writers of the others go
-- on, which CREATE TABLE … PARTITION OF would not.
CREATE FUNCTION analytics.ensure_month(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    first timestamptz := date_trunc('month', day::timestamp) AT TIME ZONE 'UTC';
    next timestamptz := (date_trunc('month', day::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
    name text := 'analytics_events_' || to_char(day, 'YYYY_MM');
BEGIN
    IF to_regclass('analytics.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('analytics.ensure_month'));
    IF to_regclass('analytics.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format(
        'CREATE TABLE analytics.%I (LIKE analytics.analytics_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format(
        'ALTER TABLE analytics.analytics_events ATTACH PARTITION analytics.%I FOR VALUES FROM (%L) TO (%L)',
        name, first, next);
    RETURN true;
END
$$;
SELECT analytics.ensure_month(((now() AT TIME ZONE 'UTC') + n * interval '1 month')::date) FROM generate_series(-3, 2) n;

-- Facts of the chain and of the ledger that were counted: a second event about one of them is not.
CREATE TABLE analytics.counted_facts (
    fact text PRIMARY KEY, -- minted:<master>:<token>, sold:<transaction>:<log> …
    event_id uuid NOT NULL
);

-- What a client told us under a name of its own, for as long as it may tell us again.
CREATE TABLE analytics.client_events_seen (
    seen bytea PRIMARY KEY, -- SHA-256 of who and clientEventId
    seen_at timestamptz NOT NULL
);
CREATE INDEX client_events_seen_at ON analytics.client_events_seen (seen_at);

-- Days whose roll-ups do not know all events yet. Rows are only added and deleted, never changed: writers do not wait
-- for each other, and a roll deletes exactly the marks whose events it can see.
CREATE TABLE analytics.dirty_days (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    artist_id uuid, -- null: of the platform
    day date NOT NULL,
    due_at timestamptz NOT NULL
);
CREATE INDEX dirty_days_due ON analytics.dirty_days (due_at);
CREATE INDEX dirty_days_what ON analytics.dirty_days (artist_id, day);

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

-- Roll-ups: a row is what the events of one day in UTC add up to, and nothing else. Money is wei.
CREATE TABLE analytics.daily_master_stats (
    master_id uuid NOT NULL,
    day date NOT NULL,
    artist_id uuid NOT NULL,
    views bigint NOT NULL DEFAULT 0,
    plays bigint NOT NULL DEFAULT 0,
    shared bigint NOT NULL DEFAULT 0,
    bookmarks bigint NOT NULL DEFAULT 0,
    reactions bigint NOT NULL DEFAULT 0,
    visitors bigint NOT NULL DEFAULT 0,
    purchases bigint NOT NULL DEFAULT 0,
    shares_sold bigint NOT NULL DEFAULT 0,
    shares_reserved bigint NOT NULL DEFAULT 0,
    resales bigint NOT NULL DEFAULT 0,
    transfers bigint NOT NULL DEFAULT 0,
    claims bigint NOT NULL DEFAULT 0,
    primary_wei numeric(78, 0) NOT NULL DEFAULT 0,
    primary_fee_wei numeric(78, 0) NOT NULL DEFAULT 0,
    secondary_wei numeric(78, 0) NOT NULL DEFAULT 0,
    secondary_fee_wei numeric(78, 0) NOT NULL DEFAULT 0,
    royalty_wei numeric(78, 0) NOT NULL DEFAULT 0,
    revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    distributed_wei numeric(78, 0) NOT NULL DEFAULT 0,
    artist_revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    platform_revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    collaborators_wei numeric(78, 0) NOT NULL DEFAULT 0,
    claimed_wei numeric(78, 0) NOT NULL DEFAULT 0,
    PRIMARY KEY (master_id, day)
);
CREATE INDEX daily_master_stats_artist ON analytics.daily_master_stats (artist_id, day);
CREATE INDEX daily_master_stats_day ON analytics.daily_master_stats (day, master_id);

CREATE TABLE analytics.daily_artist_stats (
    artist_id uuid NOT NULL,
    day date NOT NULL,
    views bigint NOT NULL DEFAULT 0,
    plays bigint NOT NULL DEFAULT 0,
    shared bigint NOT NULL DEFAULT 0,
    bookmarks bigint NOT NULL DEFAULT 0,
    reactions bigint NOT NULL DEFAULT 0,
    visitors bigint NOT NULL DEFAULT 0,
    purchases bigint NOT NULL DEFAULT 0,
    shares_sold bigint NOT NULL DEFAULT 0,
    shares_reserved bigint NOT NULL DEFAULT 0,
    resales bigint NOT NULL DEFAULT 0,
    transfers bigint NOT NULL DEFAULT 0,
    claims bigint NOT NULL DEFAULT 0,
    primary_wei numeric(78, 0) NOT NULL DEFAULT 0,
    primary_fee_wei numeric(78, 0) NOT NULL DEFAULT 0,
    secondary_wei numeric(78, 0) NOT NULL DEFAULT 0,
    secondary_fee_wei numeric(78, 0) NOT NULL DEFAULT 0,
    royalty_wei numeric(78, 0) NOT NULL DEFAULT 0,
    revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    distributed_wei numeric(78, 0) NOT NULL DEFAULT 0,
    artist_revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    platform_revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    collaborators_wei numeric(78, 0) NOT NULL DEFAULT 0,
    claimed_wei numeric(78, 0) NOT NULL DEFAULT 0,
    session_views bigint NOT NULL DEFAULT 0,
    session_joins bigint NOT NULL DEFAULT 0,
    votes bigint NOT NULL DEFAULT 0,
    masters_registered bigint NOT NULL DEFAULT 0,
    ipos_launched bigint NOT NULL DEFAULT 0,
    coin_stakes bigint NOT NULL DEFAULT 0,
    coin_unstakes bigint NOT NULL DEFAULT 0,
    coin_transfers bigint NOT NULL DEFAULT 0,
    coin_staked numeric(78, 0) NOT NULL DEFAULT 0,
    coin_unstaked numeric(78, 0) NOT NULL DEFAULT 0,
    PRIMARY KEY (artist_id, day)
);
CREATE INDEX daily_artist_stats_day ON analytics.daily_artist_stats (day);

CREATE TABLE analytics.session_stats (
    session_id uuid NOT NULL,
    day date NOT NULL,
    artist_id uuid NOT NULL,
    master_id uuid,
    views bigint NOT NULL DEFAULT 0,
    joins bigint NOT NULL DEFAULT 0,
    viewers bigint NOT NULL DEFAULT 0,
    reactions bigint NOT NULL DEFAULT 0,
    votes bigint NOT NULL DEFAULT 0,
    voters bigint NOT NULL DEFAULT 0,
    decisions_opened bigint NOT NULL DEFAULT 0,
    decisions_finalized bigint NOT NULL DEFAULT 0,
    contributions bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (session_id, day)
);
CREATE INDEX session_stats_artist ON analytics.session_stats (artist_id, day);

CREATE TABLE analytics.platform_daily (
    day date PRIMARY KEY,
    views bigint NOT NULL DEFAULT 0,
    plays bigint NOT NULL DEFAULT 0,
    shared bigint NOT NULL DEFAULT 0,
    bookmarks bigint NOT NULL DEFAULT 0,
    reactions bigint NOT NULL DEFAULT 0,
    purchases bigint NOT NULL DEFAULT 0,
    shares_sold bigint NOT NULL DEFAULT 0,
    shares_reserved bigint NOT NULL DEFAULT 0,
    resales bigint NOT NULL DEFAULT 0,
    transfers bigint NOT NULL DEFAULT 0,
    claims bigint NOT NULL DEFAULT 0,
    primary_wei numeric(78, 0) NOT NULL DEFAULT 0,
    primary_fee_wei numeric(78, 0) NOT NULL DEFAULT 0,
    secondary_wei numeric(78, 0) NOT NULL DEFAULT 0,
    secondary_fee_wei numeric(78, 0) NOT NULL DEFAULT 0,
    royalty_wei numeric(78, 0) NOT NULL DEFAULT 0,
    revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    distributed_wei numeric(78, 0) NOT NULL DEFAULT 0,
    artist_revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    platform_revenue_wei numeric(78, 0) NOT NULL DEFAULT 0,
    collaborators_wei numeric(78, 0) NOT NULL DEFAULT 0,
    claimed_wei numeric(78, 0) NOT NULL DEFAULT 0,
    session_views bigint NOT NULL DEFAULT 0,
    session_joins bigint NOT NULL DEFAULT 0,
    votes bigint NOT NULL DEFAULT 0,
    masters_registered bigint NOT NULL DEFAULT 0,
    ipos_launched bigint NOT NULL DEFAULT 0,
    coin_stakes bigint NOT NULL DEFAULT 0,
    coin_unstakes bigint NOT NULL DEFAULT 0,
    coin_transfers bigint NOT NULL DEFAULT 0,
    coin_staked numeric(78, 0) NOT NULL DEFAULT 0,
    coin_unstaked numeric(78, 0) NOT NULL DEFAULT 0,
    searches bigint NOT NULL DEFAULT 0,
    users_created bigint NOT NULL DEFAULT 0,
    users_deleted bigint NOT NULL DEFAULT 0,
    subscriptions_created bigint NOT NULL DEFAULT 0,
    subscriptions_canceled bigint NOT NULL DEFAULT 0,
    payments bigint NOT NULL DEFAULT 0,
    refunds bigint NOT NULL DEFAULT 0,
    paid_usd_cents numeric(78, 0) NOT NULL DEFAULT 0,
    refunded_usd_cents numeric(78, 0) NOT NULL DEFAULT 0
);

-- What an artist's days add up to, for each period that is asked for: who is at the top is one look into an index.
CREATE TABLE analytics.artist_summaries (
    period text NOT NULL CHECK (period IN ('day', 'week', 'month', 'year', 'all_time')),
    artist_id uuid NOT NULL,
    through date NOT NULL, -- the period's last day
    views bigint NOT NULL,
    shares_sold bigint NOT NULL,
    volume_wei numeric(78, 0) NOT NULL, -- primary and secondary
    PRIMARY KEY (period, artist_id)
);
CREATE INDEX artist_summaries_volume ON analytics.artist_summaries (period, volume_wei DESC, artist_id);
CREATE INDEX artist_summaries_shares ON analytics.artist_summaries (period, shares_sold DESC, artist_id);
CREATE INDEX artist_summaries_views ON analytics.artist_summaries (period, views DESC, artist_id);
CREATE INDEX artist_summaries_through ON analytics.artist_summaries (through);

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
