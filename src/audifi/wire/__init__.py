"""Everything that crosses a process boundary, named once: the leaf that both planes stand on.

Between: the control plane and the data plane, which never import each other; and sdk.
Invariant: imports nothing of ours, does no I/O.
"""
