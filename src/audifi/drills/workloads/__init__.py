"""Ask the running platform, as its users do, at a fixed rate while something is broken.

Between: drills.under_load (runs a workload), the SDK (public endpoints only) and drills.history (what came of it).
Shape: `workload` says what one is; each other file is a workload or a part of one.
"""
