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
