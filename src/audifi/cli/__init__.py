"""The command line: one file per verb, imported when it is used.

Between: the launcher `./audifi` and topology, local, targets, drills. `main.py` lists the verbs in the order in which a
newcomer meets them.
Invariant: a verb decides nothing about the platform; it asks and shows.
"""
