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
