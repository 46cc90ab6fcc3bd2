-- Who exists: people, what they may do, and the faces artists and producers show.
CREATE TABLE auth.users (
    id uuid PRIMARY KEY,
    -- Lower-cased by us: one address, one account. (citext would need a superuser's CREATE EXTENSION.)
    email text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) <= 254),
    display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 100),
    avatar_url text,
    bio text,
    social_links jsonb NOT NULL DEFAULT '{}',
    music_platforms jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED', 'PENDING_VERIFICATION', 'DELETED')),
    email_verified boolean NOT NULL DEFAULT false,
    password_hash text, -- reserved: no endpoint sets or reads it (domain 9.61)
    mfa_enabled boolean NOT NULL DEFAULT false,
    locked_until timestamptz,
    -- What payment-service last told us; FREE until it does. plan_changed_at orders late events.
    plan text NOT NULL DEFAULT 'FREE' CHECK (plan IN ('FREE', 'PRO', 'ENTERPRISE')),
    plan_changed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz,
    deleted_at timestamptz,
    anonymised_at timestamptz
);
CREATE INDEX users_created_at ON auth.users (created_at DESC, id);
CREATE INDEX users_to_anonymise ON auth.users (deleted_at) WHERE status = 'DELETED' AND anonymised_at IS NULL;

CREATE TABLE auth.user_roles (
    user_id uuid NOT NULL REFERENCES auth.users (id),
    role text NOT NULL CHECK (role IN ('USER', 'ARTIST', 'PRODUCER', 'ADMIN')),
    assigned_by uuid,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (user_id, role)
);

CREATE TABLE auth.artists (
    user_id uuid PRIMARY KEY REFERENCES auth.users (id),
    artist_name text NOT NULL CHECK (length(artist_name) BETWEEN 1 AND 150),
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 150),
    bio text,
    short_bio text CHECK (length(short_bio) <= 280),
    genre text,
    location text,
    image_url text,
    banner_url text,
    social_links jsonb NOT NULL DEFAULT '{}',
    music_platforms jsonb NOT NULL DEFAULT '{}',
    is_verified boolean NOT NULL DEFAULT false,
    total_masters integer NOT NULL DEFAULT 0, -- the three counters are derived from other services' events
    total_sales integer NOT NULL DEFAULT 0,
    follower_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE auth.producers (
    user_id uuid PRIMARY KEY REFERENCES auth.users (id),
    producer_name text NOT NULL CHECK (length(producer_name) BETWEEN 1 AND 150),
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 150),
    specialty text,
    bio text,
    is_verified boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE auth.artist_follows (
    artist_id uuid NOT NULL REFERENCES auth.artists (user_id),
    follower_id uuid NOT NULL REFERENCES auth.users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (artist_id, follower_id)
);
