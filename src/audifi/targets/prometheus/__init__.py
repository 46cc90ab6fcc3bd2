"""Write Prometheus' files: what it scrapes, how it records and alerts, and what its prober asks.

Between: topology.{exposures,alerts} (what), local.components.prometheus and production's renders (where).
Invariant: pure text; promtool accepts it (tests).
"""
