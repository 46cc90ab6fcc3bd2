"""Say what must be true of the sale's tables at any time, as queries that find what is not.

Between: the reconcile job (reports), tests (assert nothing is found after every race, reorg and replay).
Shape: one query per sentence; each row of its answer is one offender, named by `subject`, explained by `detail`.
Invariant: reading only; a query names every master it blames.
Source: domain.md 2.2 "Invariants".
"""

from dataclasses import dataclass
from typing import Final

from audifi.kernel.connection import Connection

RULES: Final[dict[str, str]] = {
    "0 <= sold + reserved <= offered": """
        SELECT master_id::text AS subject, format('%s sold, %s reserved of %s', shares_sold, shares_reserved,
               public_supply) AS detail
          FROM nft.ipos
         WHERE shares_sold < 0 OR shares_reserved < 0 OR shares_sold + shares_reserved > public_supply""",
    "what is reserved is what purchases hold": """
        SELECT i.master_id::text AS subject, format('%s reserved, purchases hold %s', i.shares_reserved,
               coalesce(h.held, 0)) AS detail
          FROM nft.ipos i
          LEFT JOIN (SELECT master_id, sum(quantity) AS held FROM nft.purchases
                      WHERE kind = 'PRIMARY' AND status IN ('RESERVED', 'PAID', 'PENDING_CHAIN')
                      GROUP BY master_id) h ON h.master_id = i.master_id
         WHERE i.shares_reserved <> coalesce(h.held, 0)""",
    "what is sold is what the chain minted to buyers": """
        SELECT i.master_id::text AS subject,
               format('%s sold, %s minted', i.shares_sold, coalesce(s.minted, 0)) AS detail
          FROM nft.ipos i
          LEFT JOIN (SELECT master_id, count(*) AS minted FROM nft.shares WHERE mint_price_wei > 0
                      GROUP BY master_id) s ON s.master_id = i.master_id
         WHERE i.shares_sold <> coalesce(s.minted, 0) OR i.next_token_id <> i.shares_sold + 1""",
    "ids of sold shares are dense from 1": """
        SELECT master_id::text AS subject, format('%s shares, the last is number %s', count(*), max(token_id)) AS detail
          FROM nft.shares WHERE mint_price_wei > 0
         GROUP BY master_id HAVING count(*) <> max(token_id)""",
    "the reserve has the last ids": """
        SELECT s.master_id::text AS subject, format('share %s', s.token_id) AS detail
          FROM nft.shares s JOIN nft.ipos i ON i.master_id = s.master_id
         WHERE (s.mint_price_wei = 0) <> (s.token_id > i.public_supply) OR s.token_id > i.total_shares""",
    "a tier follows from the id": """
        SELECT master_id::text AS subject, format('share %s has tier %s, %s bps', token_id, tier, royalty_bps) AS detail
          FROM nft.shares
         WHERE tier <> CASE WHEN token_id <= 10 THEN 1 WHEN token_id <= 50 THEN 2 WHEN token_id <= 100 THEN 3 ELSE 4 END
            OR royalty_bps <> (ARRAY[1000, 500, 300, 100])[tier]""",
    "the parts of a purchase are its price": """
        SELECT master_id::text AS subject, format('purchase %s', id) AS detail
          FROM nft.purchases
         WHERE fee_wei + royalty_wei + seller_wei <> total_wei OR total_wei <> unit_wei * quantity""",
    "a completed purchase has the shares it paid for, and no other has them": """
        SELECT master_id::text AS subject, format('share %s belongs to %s purchases', token_id, count(*)) AS detail
          FROM (SELECT master_id, unnest(token_ids) AS token_id FROM nft.purchases
                 WHERE kind = 'PRIMARY' AND status = 'COMPLETED') bought
         GROUP BY master_id, token_id HAVING count(*) > 1
        UNION ALL
        SELECT p.master_id::text, format('purchase %s has %s of %s shares', p.id, cardinality(p.token_ids), p.quantity)
          FROM nft.purchases p
         WHERE p.status = 'COMPLETED'
           AND (cardinality(p.token_ids) <> p.quantity
                OR EXISTS (SELECT 1 FROM unnest(p.token_ids) t
                            WHERE NOT EXISTS (SELECT 1 FROM nft.shares s
                                               WHERE s.master_id = p.master_id AND s.token_id = t)))""",
    "holders are counted": """
        SELECT coalesce(h.master_id, s.master_id)::text AS subject,
               format('%s holds %s, counted %s', coalesce(h.wallet, s.owner_wallet), s.shares, h.shares) AS detail
          FROM nft.holders h
          FULL JOIN (SELECT master_id, owner_wallet, count(*) AS shares FROM nft.shares
                      GROUP BY master_id, owner_wallet) s ON s.master_id = h.master_id AND s.owner_wallet = h.wallet
         WHERE s.shares IS DISTINCT FROM h.shares""",
    "a listing in escrow has one buyer": """
        SELECT l.master_id::text AS subject, format('listing %s: %s', l.id, count(p.id)) AS detail
          FROM nft.listings l
          LEFT JOIN nft.purchases p ON p.listing_id = l.id AND p.status IN ('RESERVED', 'PAID', 'PENDING_CHAIN')
         GROUP BY l.id HAVING (l.status = 'IN_ESCROW') <> (count(p.id) = 1)""",
    "what is offered belongs to who offers it": """
        SELECT l.master_id::text AS subject, format('listing %s of share %s', l.id, l.token_id) AS detail
          FROM nft.listings l
          LEFT JOIN nft.shares s ON s.master_id = l.master_id AND s.token_id = l.token_id
         WHERE l.status IN ('ACTIVE', 'IN_ESCROW') AND s.owner_wallet IS DISTINCT FROM l.seller_wallet""",
    "an owner is whoever the last move went to": """
        SELECT s.master_id::text AS subject, format('share %s', s.token_id) AS detail
          FROM nft.shares s
         WHERE s.owner_wallet IS DISTINCT FROM (
               SELECT t.to_wallet FROM nft.share_transfers t
                WHERE t.master_id = s.master_id AND t.token_id = s.token_id
                ORDER BY t.block_number DESC, t.log_index DESC LIMIT 1)""",
}


@dataclass(frozen=True)
class Violation:
    """Something that is not as it must be."""

    rule: str
    subject: str
    detail: str


async def violations(connection: Connection) -> list[Violation]:
    """Return everything that contradicts a rule; empty when all is well."""
    return [
        Violation(rule, row["subject"], row["detail"])
        for rule, query in RULES.items()
        for row in await connection.fetch(query)
    ]
