"""Break the running platform on purpose and measure it from its client's side. Arrives with part E.

Between: local (does the faults), sdk (is the client) and topology.promises (says what must hold).
"""
