"""Hold the clients that rpc_failover compares: ours, viem, ethers and web3.py, all asked the same.

Shape: load.js and open_loop.py ask; viem.js, ethers.js, web3_py.py and ours.py answer.
"""
