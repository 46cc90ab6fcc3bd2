"""Speak to our own contracts: encode calls, decode answers and events, build claim trees.

Between: services (typed values) and chains (bytes); what is compiled is in `compiled`, a link to contracts/compiled.
"""
