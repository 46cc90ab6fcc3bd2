"""Keep what nft-service knows in Postgres, one module per noun; each function takes the connection to use.

Invariant: every change of state is one conditional statement, and says whether it happened.
"""
