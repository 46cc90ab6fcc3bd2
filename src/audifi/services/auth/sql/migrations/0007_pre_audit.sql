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
