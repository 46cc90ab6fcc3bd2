"""Hold content as IPFS does, for the pinning stand-ins: CIDs, blocks, trees, archives, gateways."""
