"""Hold what both receivers of alerts share: what arrived, how they misbehave, and their two ports.

Between: standins.slack and standins.pagerduty.
Invariant: nothing of ours that sends alerts is imported here, and nothing here by it.
"""
