"""Break a provider under load and judge what the caller saw, alike for every client.

Between: the questions rpc_failover and rpc_overhead, the clients in benchmarks/peers/rpc, and the local stand-ins.
Shape: scenarios (what breaks) × candidates (who calls); network turns the knobs and counts; judge alone decides.
"""
