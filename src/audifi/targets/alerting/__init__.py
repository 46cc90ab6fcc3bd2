"""Write Alertmanager's file: who is told about what, how soon and how often.

Between: topology.{telemetry,alerts} and local.components.alertmanager, production's renders.
Invariant: pure text; amtool accepts it (tests).
"""
