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
