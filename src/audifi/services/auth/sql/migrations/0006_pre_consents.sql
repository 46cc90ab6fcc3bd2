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
