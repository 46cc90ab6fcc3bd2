"""Keep who a user is at Stripe, and what may be shown of their cards.

Between: sagas.
Invariant: one customer per user; no card number.
"""

from audifi.kernel.connection import Connection, changed


async def find(connection: Connection, user_id: str) -> str | None:
    """Return the customer of a user, unless the account was closed."""
    return await connection.fetchval(
        "SELECT stripe_customer_id FROM payment.customers WHERE user_id = $1 AND forgotten_at IS NULL", user_id
    )


async def user_of(connection: Connection, customer_id: str) -> str | None:
    found = await connection.fetchval(
        "SELECT user_id FROM payment.customers WHERE stripe_customer_id = $1", customer_id
    )
    return str(found) if found is not None else None


async def keep(tx: Connection, user_id: str, customer_id: str) -> None:
    """Remember a customer; the first one stays."""
    await tx.execute(
        "INSERT INTO payment.customers (user_id, stripe_customer_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        user_id,
        customer_id,
    )


async def forget(tx: Connection, user_id: str) -> str | None:
    """Close the account: returns the customer to delete at Stripe, once."""
    await tx.execute("DELETE FROM payment.payment_methods WHERE user_id = $1", user_id)
    return await tx.fetchval(
        """UPDATE payment.customers SET forgotten_at = now() WHERE user_id = $1 AND forgotten_at IS NULL
           RETURNING stripe_customer_id""",
        user_id,
    )


async def keep_card(tx: Connection, user_id: str, method_id: str, *, brand: str, last4: str, expiry: str) -> bool:
    """Keep what a receipt shows of a card; `expiry` is MM/YYYY."""
    month, _, year = expiry.partition("/")
    tag = await tx.execute(
        """INSERT INTO payment.payment_methods (stripe_payment_method_id, user_id, brand, last4, exp_month, exp_year)
           SELECT $1, $2, $3, $4, $5, $6
            WHERE NOT EXISTS (SELECT 1 FROM payment.customers WHERE user_id = $2 AND forgotten_at IS NOT NULL)
           ON CONFLICT (stripe_payment_method_id) DO UPDATE
              SET exp_month = excluded.exp_month, exp_year = excluded.exp_year, updated_at = now()""",
        method_id,
        user_id,
        brand,
        last4,
        int(month),
        int(year),
    )
    return changed(tag) == 1
