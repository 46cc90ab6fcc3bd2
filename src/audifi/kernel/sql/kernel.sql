-- What every service's schema has besides its own tables. `kernel.migrate` replays kernel/sql/migrations/ before the
-- service's own migrations, into the schema of the service's role: services do not repeat these tables.
-- (An agreement test holds this file equal to that replay.)

-- Events written in the transaction of their cause; a relay moves them to the queue (kernel/outbox.py).
CREATE TABLE outbox (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   uuid NOT NULL UNIQUE,
    stream     text NOT NULL,
    payload    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Answers given to requests that carried an Idempotency-Key (kernel/idempotency.py).
CREATE TABLE idempotency_keys (
    scope        bytea PRIMARY KEY, -- SHA-256 of user, method, path and key
    request_hash bytea NOT NULL,
    fence        bigint NOT NULL DEFAULT 1, -- counts takeovers: an overtaken holder cannot store its answer
    lease_until  timestamptz, -- null once answered
    status       smallint,
    reply        bytea,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Events a consumer group has handled: the effect and this row are one transaction (kernel/queue.py).
CREATE TABLE processed_events (
    consumer     text NOT NULL,
    event_id     uuid NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX processed_events_processed_at ON processed_events (processed_at);
