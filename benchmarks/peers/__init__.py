"""Hold what we compare with: each peer does the same work by other means."""
