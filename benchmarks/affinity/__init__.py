"""Parts of ws_affinity: a pod that only sends, and those who watch."""
