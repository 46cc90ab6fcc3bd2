"""Ask a chain through several providers as if there were one that never fails.

Between: clients.chain's callers and providers' JSON-RPC endpoints; aiohttp ends here.
How to read it: chains (all of them) > chain (one) > flight (one call on its way) > roster, choice (whom to ask),
verdicts (what an answer means), health, heads, budget (what is known of an endpoint), probes, transport (bytes).
"""
