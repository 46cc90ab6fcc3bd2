"""Render the topology for somebody else's software: pure functions from a model to text.

Between: topology and wire (what must hold) and the parsers that judge the text. One machine runs what envoy, nginx,
prometheus and alerting render when it starts; catalogue.py lists what `./audifi render` writes for production.
Invariant: no I/O, no clock, no randomness: the same model gives the same bytes.
"""
