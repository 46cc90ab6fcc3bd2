"""Keep content pinned: name it ourselves, pin it twice, prove both copies, mend what is lost.

Between: services and the worker (hand content over, ask whether it may be published) and pinning providers' public
APIs. The policy on one page: docs/ipfs-pinning.md.
Invariant: bytes are believed by their hash only, whoever sent them.
Errors: the tree in clients/ipfs/errors.py, below wire.problems.IpfsError.
"""
