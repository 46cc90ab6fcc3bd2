"""Third parties as processes on sockets, with knobs for faults: what a provider does, without the provider.

Between: our clients (over the network only) and tests and drills (over the knobs' HTTP).
Invariant: a stand-in follows the provider's public documentation and never imports our client: a wrong belief must
not be confirmed by its own mirror image.
"""
