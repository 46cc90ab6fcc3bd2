"""Confine pods and containers, all of them in the same way.

Between: every module of this folder that describes a pod, and topology.network's guard.
Invariant: what Pod Security's `restricted` asks, and a little more; a number for the user, because a kubelet does not
read the image's /etc/passwd.
Errors: none.
Source: kubernetes.md checklist 3; https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from audifi.targets.kubernetes.documents import Json
from audifi.topology.model.whole import Topology


def pod_security(topology: Topology) -> Json:
    """What holds for every container of a pod."""
    user = topology.guard.run_as_user
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroupsPolicy": "Strict",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security(topology: Topology) -> Json:
    """What each container says for itself."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": topology.guard.read_only_root,
        "capabilities": {"drop": ["ALL"]},
    }
