-- Reconciliation asks which purchases were paid since a moment.
CREATE INDEX payments_paid_purchases ON payment.payments (succeeded_at)
    WHERE purchase_id IS NOT NULL AND succeeded_at IS NOT NULL;
