"""Break the running platform on purpose and measure it from its client's side.

Between: local (does the faults), sdk (is the client) and topology.promises (says what must hold).
"""
