"""Third parties behind our own types: one folder each, and their exceptions end here.

Between: services (call) and the providers' public protocols (mail now; chain, IPFS and Stripe arrive with later parts).
Invariant: a client knows nothing of the stand-in that plays its provider on one machine.
Errors: Unavailable, saying whether the attempt may have taken effect.
"""
