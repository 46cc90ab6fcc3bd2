-- Schema of auth-service: the truth a reader opens. It equals the replay of migrations/ (agreement test);
-- outbox, idempotency_keys and processed_events come from kernel/sql.

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

-- Which addresses belong to whom. A wallet on a chain belongs to at most one user.
CREATE TABLE auth.user_wallets (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    chain_id integer NOT NULL,
    is_primary boolean NOT NULL DEFAULT false,
    label text,
    verified_at timestamptz NOT NULL,
    payout_enabled_at timestamptz NOT NULL, -- usable for gating at once, for payouts only from here on
    UNIQUE (address, chain_id)
);
CREATE UNIQUE INDEX user_wallets_one_primary ON auth.user_wallets (user_id) WHERE is_primary;
CREATE INDEX user_wallets_user ON auth.user_wallets (user_id, verified_at);

-- The cancel link in the notice mail: works once, without signing in, until the payout delay is over.
CREATE TABLE auth.wallet_cancellations (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    address text NOT NULL,
    chain_id integer NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

-- How someone proves who they are: links, second factors, and the failures that lock them.
CREATE TABLE auth.magic_link_tokens (
    token_hash bytea PRIMARY KEY, -- SHA-256; the token itself exists only in the mail
    email text NOT NULL,
    user_id uuid,
    redirect_path text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    ip inet,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX magic_link_tokens_expiry ON auth.magic_link_tokens (expires_at);

CREATE TABLE auth.mfa_challenges (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mfa_challenges_expiry ON auth.mfa_challenges (expires_at);

CREATE TABLE auth.mfa_methods (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    type text NOT NULL CHECK (type IN ('TOTP', 'PASSKEY')),
    secret_enc text NOT NULL, -- AES-256-GCM, prefixed by the key's id
    verified_at timestamptz,
    is_active boolean NOT NULL DEFAULT false,
    last_used_step bigint NOT NULL DEFAULT 0, -- each 30 s step is accepted once
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, type)
);

CREATE TABLE auth.backup_codes (
    user_id uuid NOT NULL REFERENCES auth.users (id),
    code_hash bytea NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE auth.login_attempts (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    kind text NOT NULL,
    is_success boolean NOT NULL,
    ip inet,
    at timestamptz NOT NULL
);
CREATE INDEX login_attempts_recent ON auth.login_attempts (user_id, at DESC);

-- Who is signed in where. One row is one session and one refresh-token family; rotation replaces the hashes in place.
CREATE TABLE auth.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    family_id uuid NOT NULL,
    -- A refresh token is "<family part>.<rotating part>": the first finds the family even when the second is long
    -- spent, so a replay of any earlier token is recognised without keeping every hash ever issued.
    family_hash bytea NOT NULL UNIQUE,
    refresh_hash bytea NOT NULL UNIQUE,
    previous_hash bytea,
    replacement_enc text, -- the current token, encrypted: a double submit within the grace gets the same answer
    rotated_at timestamptz NOT NULL,
    mfa_at timestamptz, -- when the second factor was shown in this session
    user_agent text,
    ip inet,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    absolute_expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoke_reason text
);
CREATE INDEX sessions_live ON auth.sessions (user_id, last_used_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_expiry ON auth.sessions (absolute_expires_at);

CREATE TABLE auth.signing_keys (
    kid text PRIMARY KEY,
    public_jwk jsonb NOT NULL,
    private_enc text NOT NULL, -- PKCS#8 PEM, AES-256-GCM
    created_at timestamptz NOT NULL,
    activates_at timestamptz NOT NULL, -- published before, so that verifiers know it when it signs first
    retires_at timestamptz, -- signs until here
    expires_at timestamptz -- published until here
);

-- Mail promised by a committed change; the relay sends it, so a crash between commit and SMTP loses nothing.
CREATE TABLE auth.mails (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    payload_enc text, -- recipient and text, AES-256-GCM; erased once sent or given up
    message_id text NOT NULL UNIQUE, -- stable over resends, so that a second delivery is recognisable
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, -- a link that no longer works is not worth sending
    sent_at timestamptz,
    failed_at timestamptz,
    last_error text
);
CREATE INDEX mails_due ON auth.mails (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;

-- What was agreed to, which version, when. Rows are only added: a withdrawal is a later row.
CREATE TABLE auth.policy_versions (
    policy_type text NOT NULL,
    version text NOT NULL,
    effective_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (policy_type, version)
);
INSERT INTO auth.policy_versions (policy_type, version, effective_at) VALUES
    ('TERMS', '1.0', '2026-01-01T00:00:00Z'),
    ('PRIVACY', '1.0', '2026-01-01T00:00:00Z'),
    ('ARTIST_AGREEMENT', '1.0', '2026-01-01T00:00:00Z'),
    ('RIGHTS_DECLARATION', '1.0', '2026-01-01T00:00:00Z'),
    ('PURCHASE_TERMS', '1.0', '2026-01-01T00:00:00Z'),
    ('RISK_DISCLOSURE', '1.0', '2026-01-01T00:00:00Z');

CREATE TABLE auth.policy_consents (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users (id),
    policy_type text NOT NULL,
    policy_version text NOT NULL,
    action text NOT NULL CHECK (action IN ('ACCEPTED', 'WITHDRAWN')),
    flow text NOT NULL CHECK (flow IN ('SIGNUP', 'ARTIST', 'MINT', 'PURCHASE')),
    resource_id text,
    ip inet,
    user_agent text,
    at timestamptz NOT NULL,
    FOREIGN KEY (policy_type, policy_version) REFERENCES auth.policy_versions (policy_type, version)
);
CREATE INDEX policy_consents_user ON auth.policy_consents (user_id, policy_type, at DESC);

-- What happened and who did it. audit_logs can be added to and read, not changed: a trigger and a revoked privilege
-- refuse it, and each row's hash covers the row before it. The owner could undo both (DDL); it could not do so
-- unseen, because every head hash is also written to the log stream, which this role cannot reach.
CREATE TABLE auth.audit_logs (
    seq bigint PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    actor_id uuid,
    actor_type text NOT NULL CHECK (actor_type IN ('user', 'system', 'webhook', 'admin')),
    action text NOT NULL,
    category text NOT NULL CHECK (category IN
        ('authentication', 'authorization', 'master', 'ipo', 'revenue', 'subscription', 'vstudio', 'admin', 'system')),
    target_type text,
    target_id text,
    before jsonb,
    after jsonb,
    changed_fields text[],
    network inet, -- /24 or /48 only: rows are kept 7 years and cannot be edited, addresses must go after 30 days
    user_agent text,
    request_id text,
    is_success boolean NOT NULL DEFAULT true,
    error text,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE INDEX audit_logs_target ON auth.audit_logs (target_type, target_id, seq);

CREATE FUNCTION auth.audit_hash(entry auth.audit_logs) RETURNS bytea LANGUAGE sql STABLE
    SET timezone TO 'UTC' SET bytea_output TO 'hex' -- the text that is hashed must not depend on who connects
AS $$
    SELECT sha256(convert_to((to_jsonb(entry) - 'hash')::text, 'UTF8'))
$$;

CREATE FUNCTION auth.chain_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head auth.audit_logs;
BEGIN
    -- One writer at a time: the chain has one order. Held until commit, so the head read below cannot move.
    PERFORM pg_advisory_xact_lock(hashtextextended('auth.audit_logs', 0));
    SELECT * INTO head FROM auth.audit_logs ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(head.seq, 0) + 1;
    NEW.previous_hash := coalesce(head.hash, '\x'::bytea);
    NEW.hash := NULL;
    NEW.hash := auth.audit_hash(NEW);
    RETURN NEW;
END
$$;
CREATE TRIGGER chain BEFORE INSERT ON auth.audit_logs FOR EACH ROW EXECUTE FUNCTION auth.chain_audit_log();

CREATE FUNCTION auth.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'auth.audit_logs is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON auth.audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON auth.audit_logs FROM CURRENT_USER;

CREATE TABLE auth.security_events (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    name text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'low', 'medium', 'high', 'critical')),
    user_id uuid,
    session_id uuid,
    ip inet,
    ip_hash bytea, -- replaces ip after 30 days
    user_agent text,
    request_id text,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX security_events_user ON auth.security_events (user_id, at DESC);
CREATE INDEX security_events_at ON auth.security_events (at);

