-- Schema of payment-service: the truth a reader opens. It equals the replay of migrations/ (agreement test);
-- outbox, idempotency_keys and processed_events come from kernel/sql.

-- What can be subscribed to. One row is one price: PRO by the month and PRO by the year are two.
CREATE TABLE payment.plans (
    slug text PRIMARY KEY, -- also the price's lookup key at Stripe
    plan text NOT NULL CHECK (plan IN ('FREE', 'PRO', 'ENTERPRISE')),
    billing_interval text CHECK (billing_interval IN ('MONTHLY', 'YEARLY')), -- FREE has none
    price_cents integer NOT NULL CHECK (price_cents >= 0),
    currency text NOT NULL DEFAULT 'usd',
    trial_days integer NOT NULL DEFAULT 0 CHECK (trial_days >= 0),
    max_masters integer, -- null: unlimited, as the three below
    max_ipos_per_month integer,
    sessions_included integer,
    decisions_per_session integer,
    features jsonb NOT NULL DEFAULT '[]',
    stripe_price_id text, -- looked up, or made, when somebody first subscribes
    is_active boolean NOT NULL DEFAULT true,
    position integer NOT NULL
);
-- Source: domain.md 2.4, 9.15.
INSERT INTO payment.plans (slug, plan, billing_interval, price_cents, trial_days, max_masters, max_ipos_per_month,
                           sessions_included, decisions_per_session, features, position) VALUES
    ('FREE', 'FREE', NULL, 0, 0, 1, 1, 1, 1, '["1 master", "1 IPO a month", "1 session"]', 1),
    ('PRO_MONTHLY', 'PRO', 'MONTHLY', 1500, 14, NULL, NULL, NULL, NULL,
     '["Unlimited masters", "Unlimited IPOs", "Premium sessions"]', 2),
    ('PRO_YEARLY', 'PRO', 'YEARLY', 15000, 14, NULL, NULL, NULL, NULL,
     '["Unlimited masters", "Unlimited IPOs", "Premium sessions", "Two months free"]', 3),
    ('ENTERPRISE_MONTHLY', 'ENTERPRISE', 'MONTHLY', 19900, 0, NULL, NULL, NULL, NULL,
     '["Everything in PRO", "For labels and teams"]', 4),
    ('ENTERPRISE_YEARLY', 'ENTERPRISE', 'YEARLY', 199000, 0, NULL, NULL, NULL, NULL,
     '["Everything in PRO", "For labels and teams", "Two months free"]', 5);

-- Who somebody is at Stripe.
CREATE TABLE payment.customers (
    user_id uuid PRIMARY KEY,
    stripe_customer_id text NOT NULL UNIQUE,
    forgotten_at timestamptz, -- the account was closed
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Mirrors of Stripe's subscriptions; only Stripe's word changes them.
CREATE TABLE payment.subscriptions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    plan_slug text NOT NULL REFERENCES payment.plans (slug),
    status text NOT NULL CHECK (status IN ('INCOMPLETE', 'INCOMPLETE_EXPIRED', 'TRIALING', 'ACTIVE', 'PAST_DUE',
                                           'UNPAID', 'PAUSED', 'CANCELLED', 'UNKNOWN')),
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    trial_start timestamptz,
    trial_end timestamptz,
    cancel_at_period_end boolean NOT NULL,
    canceled_at timestamptz,
    stripe_customer_id text NOT NULL,
    stripe_subscription_id text NOT NULL UNIQUE,
    stripe_item_id text NOT NULL,
    last_event_at timestamptz NOT NULL, -- Stripe's time of the newest event applied; older ones are ignored
    version integer NOT NULL DEFAULT 1, -- counts changes: what was looked up before one of them is stale
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX subscriptions_one_live ON payment.subscriptions (user_id)
    WHERE status IN ('ACTIVE', 'TRIALING', 'PAST_DUE');
CREATE INDEX subscriptions_user ON payment.subscriptions (user_id, created_at DESC);
CREATE INDEX subscriptions_grace ON payment.subscriptions (period_start) WHERE status = 'PAST_DUE';

-- What everybody was last told of a user's plan: told again only when it changes.
CREATE TABLE payment.entitlements (
    user_id uuid PRIMARY KEY,
    plan text NOT NULL,
    status text NOT NULL,
    changed_at timestamptz NOT NULL
);

-- Of a card only what may be printed on a receipt.
CREATE TABLE payment.payment_methods (
    stripe_payment_method_id text PRIMARY KEY,
    user_id uuid NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL CHECK (last4 ~ '^[0-9]{4}$'),
    exp_month integer NOT NULL,
    exp_year integer NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payment_methods_user ON payment.payment_methods (user_id);

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
-- Reconciliation asks which purchases were paid since a moment.
CREATE INDEX payments_paid_purchases ON payment.payments (succeeded_at)
    WHERE purchase_id IS NOT NULL AND succeeded_at IS NOT NULL;

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
