-- Mail that an event promised. Whom it goes to is asked of auth-service when it is sent: nothing here names a person.
CREATE TABLE worker.mails (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    about text NOT NULL, -- what it tells of: one mail of a kind about it, for ever
    user_id text NOT NULL,
    facts jsonb NOT NULL, -- a list: what the text is made of, one entry per event
    message_id text NOT NULL UNIQUE, -- stable over resends, so that a second delivery is recognisable
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, -- after that it is history, not news
    sent_at timestamptz,
    failed_at timestamptz,
    last_error text,
    UNIQUE (kind, about)
);
CREATE INDEX mails_due ON worker.mails (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;
