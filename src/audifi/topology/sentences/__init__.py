"""The design's sentences, one file per part of it; `topology.promises` collects them.

Between: topology.promises. Shape: ≤ 40 promises per file, in the order of the design.
"""
