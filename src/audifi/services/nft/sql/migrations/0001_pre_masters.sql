-- A recording, and what it is called. From LOCKED on its content and splits do not change.
CREATE TABLE nft.masters (
    id uuid PRIMARY KEY,
    artist_id uuid NOT NULL, -- the artist's user id
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    description text CHECK (length(description) <= 5000),
    type text NOT NULL CHECK (type IN ('TRACK', 'ALBUM')),
    genre text NOT NULL,
    bpm integer CHECK (bpm BETWEEN 1 AND 999),
    duration_s integer CHECK (duration_s > 0),
    mood_tags text[] NOT NULL DEFAULT '{}' CHECK (cardinality(mood_tags) <= 5),
    release_date date,
    isrc text CHECK (isrc ~ '^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$'),
    audio_cid text,
    cover_cid text,
    metadata_cid text,
    status text NOT NULL DEFAULT 'DRAFT'
        CHECK (status IN ('DRAFT', 'IN_VSTUDIO', 'LOCKED', 'MINTED', 'LISTED', 'SOLD', 'ARCHIVED')),
    rights_confirmed_at timestamptz,
    vstudio_session_id uuid,
    taken_down_at timestamptz, -- the public is answered 451 from here on
    metadata jsonb NOT NULL DEFAULT '{}', -- e.g. the winners of the session that locked it
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz -- when its contracts were live
);
CREATE INDEX masters_artist ON nft.masters (artist_id, created_at DESC);
CREATE INDEX masters_public ON nft.masters (created_at DESC) WHERE status NOT IN ('DRAFT', 'ARCHIVED');
CREATE INDEX masters_published ON nft.masters (status, published_at DESC) WHERE status IN ('LISTED', 'MINTED');
CREATE INDEX masters_words ON nft.masters USING gin (to_tsvector('simple', title));

-- Who has a part of its revenue, in the order the artist named them.
CREATE TABLE nft.master_collaborators (
    master_id uuid NOT NULL REFERENCES nft.masters (id),
    position integer NOT NULL CHECK (position >= 1),
    name text NOT NULL,
    role text NOT NULL,
    split_bps integer NOT NULL CHECK (split_bps BETWEEN 0 AND 9000),
    wallet text CHECK (wallet ~ '^0x[0-9a-f]{40}$'),
    PRIMARY KEY (master_id, position)
);

-- What was put on the shared content directory, and since when the primary provider has it.
CREATE TABLE nft.contents (
    cid text PRIMARY KEY,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    media_type text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    pinned_at timestamptz
);
