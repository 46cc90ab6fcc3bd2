"""Say how much memory each pod takes, with everything it started.

Between: local.supervisor (status) and /proc.
Shape: pod → bytes; the supervisor and the guardian are "supervisor".
Units: bytes, proportional set size: pages shared by PostgreSQL's processes are counted once.
Invariant: a process belongs to the pod in whose data directory it works; every pod works in its own.
Errors: a process that ends meanwhile counts nothing.
"""

from pathlib import Path

from audifi.local import process


def memory_by_pod(instance: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for number in process.belonging_to(instance, with_self=True):
        pod = _pod_of(number, instance / "data")
        found[pod] = found.get(pod, 0) + process.memory_bytes(number)
    return found


def _pod_of(number: int, data: Path) -> str:
    try:
        place = Path(f"/proc/{number}/cwd").readlink()
        return place.relative_to(data).parts[0]
    except (OSError, ValueError, IndexError):
        return "supervisor"
