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
