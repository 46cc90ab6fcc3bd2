"""The rules of the audit, one file per noun: each is a function from a topology to its notes.

Between: topology.audit (runs them all). A rule's name is its notes' `rule`; its test breaks a topology on purpose.
"""
