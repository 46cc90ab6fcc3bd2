"""Stand in for a company that answers JSON-RPC for several chains (Alchemy, Infura), in front of real nodes.

    python -m audifi.local.standins.rpc --options FILE

Between: whoever calls chains (HTTP, the provider's own paths and answers), anvil (one per chain, behind), and tests,
drills and benchmarks (turn knobs and read counts on the control port).
Shape: server (sockets) → gate (which chain, which key, which fault) → node (anvil), with dialect (the provider's own
words), view (an older or another history) and counts beside it; control is the other port.
Invariant: it knows nothing of our client and is not known by it; without faults an answer is the node's, byte by byte.
Errors: none of its own; what it answers is the provider's.
"""
