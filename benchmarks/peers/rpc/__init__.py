"""Hold the clients that rpc_failover compares: ours, viem, ethers and web3.py, asked the same by load.js and open_loop.py."""
