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
