"""Follow a chain's logs by polling, through reorganisations.

Between: the indexer (keeps the checkpoint) and the pool. forks decides, follower asks.
"""
