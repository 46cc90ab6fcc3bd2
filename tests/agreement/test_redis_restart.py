"""The rendered Redis Cluster survives that all its pods were away at the same time: real servers, other addresses.

Between: targets.kubernetes.redis (redis.conf), redis_scripts (the keeper beside each node), redis-server.
Shape: one run as rendered, one without the keeper's introductions, which must fail: it is what heals.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from audifi.local.binaries import binary
from audifi.targets.kubernetes import redis, redis_scripts
from audifi.topology.declaration import platform

DRIVER = Path(__file__).with_name("redis_restart.sh")
INTRODUCES = "    meet\n"
WITHIN_S = 60
PORT = 7379  # on 127.0.11.* and 127.0.22.*, which nobody else uses
BUS = 17_379


def run(directory: Path, keeper_after: str, *, within_s: int) -> "subprocess.CompletedProcess[str]":
    topology = platform("production")
    declared, component = topology.stores.redis_cluster, topology.component("redis-cluster")
    conf = redis.redis_conf(topology, component)
    for name, number in (("redis", PORT), ("bus", BUS)):
        setting = "port" if name == "redis" else "cluster-port"
        conf = conf.replace(f"\n{setting} {component.port(name).number}\n", f"\n{setting} {number}\n")
    auth = directory / "auth"
    auth.mkdir()
    written = {
        "redis.conf": conf,
        "keeper.sh": redis_scripts.KEEPER,
        "keeper-after.sh": keeper_after,
        "auth/users.acl": "user default on >secret ~* &* +@all\n",
        "auth/auth.conf": "masterauth secret\n",
        "auth/password": "secret",
    }
    for name, text in written.items():
        (directory / name).write_text(text)
    told = {
        "PATH": f"{binary('redis-server').parent}:{os.defpath}:/usr/sbin",
        "PORT": str(PORT),
        "BUS": str(BUS),
        "RANGES": " ".join(f"{each.first_slot}-{each.last_slot}" for each in declared.tags),
    }
    alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    argv = [*alone, "sh", str(DRIVER), str(directory), str(within_s)]
    return subprocess.run(argv, env=told, capture_output=True, text=True, check=False, timeout=WITHIN_S)


@pytest.fixture(autouse=True)
def _as_root() -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare: names are an /etc/hosts that only the test sees")


def test_whole_again_under_other_addresses(tmp_path: Path) -> None:
    """Every slot is served and every key is there, although no address is what it was."""
    done = run(tmp_path, redis_scripts.KEEPER, within_s=30)
    assert done.stdout.endswith("whole\n"), done.stdout + done.stderr


def test_not_without_the_keeper(tmp_path: Path) -> None:
    """Without introductions nobody finds anybody: announced names alone do not heal."""
    assert redis_scripts.KEEPER.count(INTRODUCES) == 1
    done = run(tmp_path, redis_scripts.KEEPER.replace(INTRODUCES, "    :\n"), within_s=6)
    assert "not whole after 6 s" in done.stdout, done.stdout + done.stderr
