-- Schema of vstudio-service: the truth a reader opens. It equals the replay of migrations/ (agreement test);
-- outbox, idempotency_keys and processed_events come from kernel/sql.

-- A session: an artist finishes a master before an audience that decides.
CREATE TABLE vstudio.sessions (
    id uuid PRIMARY KEY,
    artist_id uuid NOT NULL, -- the artist's user id
    master_id uuid NOT NULL,
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    slug text NOT NULL UNIQUE,
    description text CHECK (length(description) <= 2000),
    status text NOT NULL
        CHECK (status IN ('DRAFT', 'SCHEDULED', 'ACTIVE', 'VOTING', 'LOCKED', 'COMPLETE', 'CANCELLED')),
    status_reason text, -- why a lock was refused, or it was cancelled
    view_gating jsonb NOT NULL,
    vote_gating jsonb NOT NULL,
    scheduled_start timestamptz,
    scheduled_end timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    stream_url text CHECK (length(stream_url) <= 2000),
    platform text NOT NULL DEFAULT 'audifi', -- where the stream is shown
    producer_ids uuid[] NOT NULL DEFAULT '{}', -- who may open and close decisions besides the artist
    chat_enabled boolean NOT NULL DEFAULT true,
    reactions_enabled boolean NOT NULL DEFAULT true,
    max_participants integer NOT NULL DEFAULT 10000 CHECK (max_participants BETWEEN 1 AND 10000),
    live_seq bigint NOT NULL DEFAULT 0, -- the number of its newest live event
    participant_count integer NOT NULL DEFAULT 0,
    total_votes integer NOT NULL DEFAULT 0, -- counted when a decision is closed
    peak_viewers integer NOT NULL DEFAULT 0,
    unique_viewers integer NOT NULL DEFAULT 0,
    is_locked boolean NOT NULL DEFAULT false, -- nft-service has its decisions
    ipo_id uuid,
    -- What nft-service is to be asked for: OPEN the master for us, LEAVE it, LOCK it. Null: nothing is pending.
    wish text CHECK (wish IN ('OPEN', 'LEAVE', 'LOCK')),
    wish_due_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'LOCKED') = (wish IS NOT DISTINCT FROM 'LOCK'))
);
-- LOCKED counts as live: a refused lock makes the session ACTIVE again.
CREATE UNIQUE INDEX sessions_live ON vstudio.sessions (artist_id) WHERE status IN ('ACTIVE', 'VOTING', 'LOCKED');
CREATE UNIQUE INDEX sessions_master ON vstudio.sessions (master_id) WHERE status NOT IN ('COMPLETE', 'CANCELLED');
CREATE INDEX sessions_artist ON vstudio.sessions (artist_id, created_at DESC);
CREATE INDEX sessions_upcoming ON vstudio.sessions (scheduled_start) WHERE status = 'SCHEDULED';
CREATE INDEX sessions_created ON vstudio.sessions (created_at DESC, id);
CREATE INDEX sessions_wishes ON vstudio.sessions (wish_due_at) WHERE wish IS NOT NULL;
CREATE INDEX sessions_of_master ON vstudio.sessions (master_id);

-- What is decided. Options: [{id, label, imageUrl?, audioUrl?, contributionId?}]; slider: {min, max, step}.
CREATE TABLE vstudio.decisions (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES vstudio.sessions (id),
    type text NOT NULL CHECK (type IN ('POLL', 'BINARY', 'SLIDER', 'RANKING', 'OPEN_TEXT')),
    question text NOT NULL CHECK (length(question) BETWEEN 1 AND 500),
    description text CHECK (length(description) <= 2000),
    options jsonb NOT NULL DEFAULT '[]',
    slider jsonb,
    gating jsonb, -- overrides the session's vote gate
    voting_mode text NOT NULL DEFAULT 'SIMPLE' CHECK (voting_mode IN ('SIMPLE', 'WEIGHTED')),
    allow_vote_change boolean NOT NULL DEFAULT false,
    duration_s integer NOT NULL DEFAULT 60 CHECK (duration_s BETWEEN 10 AND 604800),
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'OPEN', 'CLOSED', 'FINALIZED', 'CANCELLED')),
    opens_at timestamptz,
    closes_at timestamptz,
    closed_at timestamptz,
    finalized_at timestamptz,
    results jsonb, -- rules/tallying.py; written at the close, never changed
    is_tie boolean NOT NULL DEFAULT false,
    winning_option text,
    is_override boolean NOT NULL DEFAULT false,
    display_order integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((type = 'SLIDER') = (slider IS NOT NULL)),
    CHECK (status <> 'OPEN' OR closes_at IS NOT NULL),
    CHECK (status NOT IN ('CLOSED', 'FINALIZED') OR results IS NOT NULL),
    CHECK (status <> 'PENDING' OR results IS NULL)
);
CREATE UNIQUE INDEX decisions_open ON vstudio.decisions (session_id) WHERE status = 'OPEN';
CREATE INDEX decisions_session ON vstudio.decisions (session_id, display_order);
CREATE INDEX decisions_due ON vstudio.decisions (closes_at) WHERE status = 'OPEN';

-- One per person and decision; who deleted their account is null and their vote still weighs.
CREATE TABLE vstudio.votes (
    id uuid PRIMARY KEY,
    decision_id uuid NOT NULL REFERENCES vstudio.decisions (id),
    session_id uuid NOT NULL REFERENCES vstudio.sessions (id),
    user_id uuid,
    choice text,
    value double precision,
    ranking text[],
    text text CHECK (length(text) <= 1000),
    weight_milli integer NOT NULL CHECK (weight_milli > 0),
    has_nft boolean NOT NULL DEFAULT false, -- what was verified at the vote
    has_coin boolean NOT NULL DEFAULT false,
    has_subscription boolean NOT NULL DEFAULT false,
    ip_hash text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (decision_id, user_id),
    CHECK (num_nonnulls(choice, value, ranking, text) = 1)
);
CREATE INDEX votes_user ON vstudio.votes (user_id, session_id) WHERE user_id IS NOT NULL;
CREATE INDEX votes_session ON vstudio.votes (session_id);

-- What was voted before; only added to.
CREATE TABLE vstudio.vote_changes (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vote_id uuid NOT NULL REFERENCES vstudio.votes (id),
    decision_id uuid NOT NULL REFERENCES vstudio.decisions (id),
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    weight_milli_before integer NOT NULL,
    weight_milli_after integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX vote_changes_decision ON vstudio.vote_changes (decision_id);
CREATE INDEX vote_changes_vote ON vstudio.vote_changes (vote_id);

CREATE TABLE vstudio.participants (
    session_id uuid NOT NULL REFERENCES vstudio.sessions (id),
    user_id uuid NOT NULL,
    role text NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz,
    votes integer NOT NULL DEFAULT 0,
    chats integer NOT NULL DEFAULT 0,
    reactions integer NOT NULL DEFAULT 0,
    PRIMARY KEY (session_id, user_id)
);
CREATE INDEX participants_user ON vstudio.participants (user_id);

-- What producers offer for a decision.
CREATE TABLE vstudio.contributions (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES vstudio.sessions (id),
    decision_id uuid NOT NULL REFERENCES vstudio.decisions (id),
    producer_id uuid, -- null: deleted the account
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    text text CHECK (length(text) <= 2000),
    audio_url text CHECK (length(audio_url) <= 2000),
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'ACCEPTED', 'REJECTED')),
    option_id text, -- the option it became
    created_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    CHECK (num_nonnulls(text, audio_url) >= 1)
);
CREATE INDEX contributions_decision ON vstudio.contributions (decision_id, created_at);
CREATE INDEX contributions_producer ON vstudio.contributions (producer_id) WHERE producer_id IS NOT NULL;

CREATE TABLE vstudio.chat_messages (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES vstudio.sessions (id),
    user_id uuid,
    request_id text NOT NULL, -- asking again is answered as the first time
    platform text NOT NULL DEFAULT 'audifi',
    display_name text NOT NULL,
    role text NOT NULL,
    text text NOT NULL CHECK (length(text) <= 500),
    removed_at timestamptz,
    removed_by uuid,
    removed_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (session_id, user_id, request_id)
);
CREATE INDEX chat_messages_age ON vstudio.chat_messages (created_at);
CREATE INDEX chat_messages_session ON vstudio.chat_messages (session_id, created_at);
CREATE INDEX chat_messages_user ON vstudio.chat_messages (user_id) WHERE user_id IS NOT NULL;

-- What people did, by second and kind; kept for 90 days.
CREATE TABLE vstudio.engagement_events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES vstudio.sessions (id),
    kind text NOT NULL CHECK (length(kind) <= 50),
    user_id uuid,
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX engagement_events_session ON vstudio.engagement_events (session_id, created_at);
CREATE INDEX engagement_events_age ON vstudio.engagement_events (created_at);

-- What happened in a session, numbered; the body is the frame, as text because `type` comes first in it.
CREATE TABLE vstudio.live_events (
    session_id uuid NOT NULL REFERENCES vstudio.sessions (id),
    seq bigint NOT NULL CHECK (seq > 0),
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    PRIMARY KEY (session_id, seq)
);
CREATE INDEX live_events_unpublished ON vstudio.live_events (session_id, seq) WHERE published_at IS NULL;
