"""Play the whole story of AudiFi through its public API: from a recording to a dividend.

Between: cli.journey, tests/system (run it) and the platform's public addresses, as its users reach them.
Shape: story (what happens, as numbers) · stage (where) · people, wallets, mailbox, cards, media (who and what with) ·
narration (tells it step by step) · release, sale, resale, earnings, coins (the acts) · losses (what is killed
meanwhile) · ledger (what the chains say) · agreement (that all books say the same) · play (the acts in order).
Invariant: nothing here reaches behind the API but to do what people do outside of it: read mail, pay on the payment
provider's page, send transactions from their own wallets, and read the public chain. The first administrator is made
by `./audifi grant`, as on every platform.
Units: wei and base units as ints; *_s seconds.
Errors: JourneyFailed says which step, what was expected, what was found, and where to look.
Source: domain.md 2.2-2.8.
"""
