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
