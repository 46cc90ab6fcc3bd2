-- Money. succeeded_at and refunded_at say what Stripe said, in whatever order it said it; status follows from them.
CREATE TABLE payment.payments (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN ('SUBSCRIPTION', 'NFT_MINT', 'ARTIST_COIN_PURCHASE', 'ONE_TIME')),
    amount_cents integer NOT NULL CHECK (amount_cents > 0),
    currency text NOT NULL,
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SUCCEEDED', 'FAILED', 'REFUNDED')),
    stripe_payment_intent text UNIQUE,
    purchase_id uuid UNIQUE, -- of nft-service
    stripe_invoice_id text UNIQUE,
    created_at timestamptz NOT NULL,
    failed_at timestamptz,
    succeeded_at timestamptz,
    refunded_at timestamptz,
    CHECK (status <> 'SUCCEEDED' OR succeeded_at IS NOT NULL),
    CHECK ((status = 'REFUNDED') = (refunded_at IS NOT NULL)),
    CHECK (refunded_at IS NULL OR succeeded_at IS NOT NULL)
);
CREATE INDEX payments_user ON payment.payments (user_id, created_at DESC);

-- Hosted pages we opened: what they cost is fixed here, and how long they are good for.
CREATE TABLE payment.checkouts (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('SUBSCRIPTION', 'PURCHASE')),
    purchase_id uuid UNIQUE,
    payment_id uuid UNIQUE REFERENCES payment.payments (id),
    plan_slug text REFERENCES payment.plans (slug),
    trial_days integer NOT NULL DEFAULT 0,
    amount_cents integer NOT NULL CHECK (amount_cents > 0),
    currency text NOT NULL,
    total_wei numeric(78, 0), -- what the cents were computed from, with
    quote_cents bigint, -- so many cents for a whole coin
    status text NOT NULL DEFAULT 'OPENING' CHECK (status IN ('OPENING', 'OPEN', 'COMPLETE', 'EXPIRED')),
    stripe_session_id text UNIQUE,
    url text,
    expires_at timestamptz NOT NULL, -- with the reservation
    closes_at timestamptz NOT NULL, -- when Stripe would close the page by itself: at least 30 minutes ahead
    created_at timestamptz NOT NULL,
    CHECK ((kind = 'PURCHASE') = (purchase_id IS NOT NULL AND payment_id IS NOT NULL)),
    CHECK ((kind = 'SUBSCRIPTION') = (plan_slug IS NOT NULL)),
    CHECK (status <> 'OPEN' OR (stripe_session_id IS NOT NULL AND url IS NOT NULL))
);
CREATE UNIQUE INDEX checkouts_one_subscription ON payment.checkouts (user_id)
    WHERE kind = 'SUBSCRIPTION' AND status IN ('OPENING', 'OPEN');
CREATE INDEX checkouts_due ON payment.checkouts (expires_at) WHERE status IN ('OPENING', 'OPEN');
CREATE INDEX checkouts_user ON payment.checkouts (user_id);

-- Bills of subscriptions.
CREATE TABLE payment.invoices (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    stripe_invoice_id text NOT NULL UNIQUE,
    stripe_subscription_id text NOT NULL,
    amount_due_cents integer NOT NULL CHECK (amount_due_cents >= 0),
    amount_paid_cents integer NOT NULL CHECK (amount_paid_cents >= 0),
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('DRAFT', 'OPEN', 'PAID', 'VOID', 'UNCOLLECTIBLE')),
    issued_at timestamptz NOT NULL,
    paid_at timestamptz,
    last_event_at timestamptz NOT NULL,
    CHECK ((status = 'PAID') = (paid_at IS NOT NULL))
);
CREATE INDEX invoices_user ON payment.invoices (user_id, issued_at DESC);

-- What Stripe told us, each event once. The row is the queue's second leg: what failed is tried again from here.
CREATE TABLE payment.webhook_events (
    id uuid PRIMARY KEY,
    provider text NOT NULL DEFAULT 'stripe',
    event_id text NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL, -- the signed bytes
    status text NOT NULL DEFAULT 'PENDING'
        CHECK (status IN ('PENDING', 'PROCESSING', 'PROCESSED', 'FAILED', 'SKIPPED')),
    retries integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error text,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    processed_at timestamptz,
    UNIQUE (provider, event_id)
);
CREATE INDEX webhook_events_due ON payment.webhook_events (next_attempt_at)
    WHERE status IN ('PENDING', 'PROCESSING', 'FAILED');
CREATE INDEX webhook_events_received ON payment.webhook_events (received_at);

-- What must still be done outside, asked for in the transaction of its cause, done at least once, keyed.
CREATE TABLE payment.errands (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('PAID', 'REFUND', 'REFUNDED', 'EXPIRE', 'CANCEL', 'FORGET')),
    subject text NOT NULL, -- the payment, checkout, subscription or customer it is about
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error text,
    created_at timestamptz NOT NULL,
    done_at timestamptz,
    UNIQUE (kind, subject)
);
CREATE INDEX errands_due ON payment.errands (next_attempt_at) WHERE done_at IS NULL;

-- How far Stripe's own list of events was read, against webhooks that never came; one pod reads at a time.
CREATE TABLE payment.event_cursors (
    provider text PRIMARY KEY,
    read_until timestamptz NOT NULL,
    leased_until timestamptz NOT NULL
);
