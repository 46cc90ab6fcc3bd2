"""The outbound side of the running platform, as an operator sees it: chain and pins from the command line.

Between: `audifi chain`, `audifi pins` (as processes, like a person's), the worker's pods and the stand-ins' knobs.
Units: *_s seconds; wei.
Source: docs/chain-rpc.md, docs/chain-transactions.md, docs/ipfs-pinning.md.
"""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.system.conftest import Figure, everything_is_ready

from audifi.local import knobs
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for

NOBODY = "0x000000000000000000000000000000000000dead"
WITHIN_S = 90.0
PROVIDERS = ("alchemy", "infura")


def audifi(platform: Held, *words: str, told: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command of a person at this platform."""
    command = [sys.executable, "-m", "audifi.cli.main", *words, "--instance", str(platform.instance.path)]
    return subprocess.run(
        command, env={"PATH": os.defpath, **(told or {})}, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )


async def asked(platform: Held, *words: str, code: int = 0) -> Any:
    """The answer as JSON."""
    done = await asyncio.to_thread(audifi, platform, *words, "--json")
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Content nobody has pinned yet, of more than one chunk."""
    path = tmp_path / "cover.bin"
    path.write_bytes(secrets.token_bytes(2_500_000))
    return path


@pytest.mark.asyncio
async def test_every_provider_of_every_chain_is_seen(platform: Held) -> None:
    found = await asked(platform, "chain", "status")
    assert {(row["chain"], row["provider"]) for row in found} == {
        (chain, provider) for chain in ("ethereum", "polygon", "base") for provider in PROVIDERS
    }
    assert all(row["usable"] and row["head"] > 0 for row in found)


@pytest.mark.asyncio
async def test_the_doctor_finds_nothing_here_and_a_wrong_key_there(platform: Held) -> None:
    found = await asked(platform, "chain", "doctor", "--chain", "base")
    errors = [finding for finding in found if finding["level"] == "error"]  # slowness is a warning: the machine is busy
    assert not errors, errors
    assert len(found) == 7 * len(PROVIDERS)
    url = f"http://127.0.0.1:{platform.port('alchemy-1', 'http')}/base-mainnet/v2/{{key}}"
    told = {"AUDIFI_RPC_PROVIDERS": f"8453:alchemy={url}", "AUDIFI_RPC_KEYS": "alchemy=not-the-key"}
    done = await asyncio.to_thread(audifi, platform, "chain", "doctor", told=told)
    assert done.returncode == 1
    assert "auth" in done.stdout
    assert "not-the-key" not in done.stdout + done.stderr


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("chain", "call", "eth_sign", "0x00", "0x11"), "refused"),
        (("chain", "call", "eth_nonsense"), "refused"),
        (("chain", "call", "eth_blockNumber", "--chain", "goerli"), "there is no chain 'goerli'"),
        (("chain", "tx", "show", "nobody-asked"), "no transaction has the key"),
        (("chain", "tx", "send", "0x12", "--wei", "1", "--key", "wrong"), "not an address"),
        (("pins", "add", "/nowhere/cover.png"), "is neither a file nor a directory"),
    ],
)
async def test_a_mistake_is_told_in_one_line(platform: Held, words: tuple[str, ...], said: str) -> None:
    done = await asyncio.to_thread(audifi, platform, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.asyncio
async def test_a_transaction_is_sent_once_though_the_first_provider_hangs(platform: Held, figure: Figure) -> None:
    key = f"hanging-{secrets.token_hex(4)}"
    loop = asyncio.get_running_loop()
    number = platform.port("alchemy-1", "control")
    await knobs.set_faults(number, hang=True)
    try:
        began_s = loop.time()
        words = ("chain", "tx", "send", NOBODY, "--wei", "7", "--key", key, "--chain", "polygon")
        [sent] = await asked(platform, *words, "--wait")
        figure("transaction final though the first provider hangs", loop.time() - began_s, "s")
        [again] = await asked(platform, *words)
    finally:
        await knobs.clear_faults(number)
    assert sent["state"] == "final"
    assert again["hash"] == sent["hash"]
    other = ("chain", "tx", "send", NOBODY, "--wei", "8", "--key", key, "--chain", "polygon")
    refused = await asyncio.to_thread(audifi, platform, *other)
    assert refused.returncode == 2
    assert "another transaction" in refused.stderr


@pytest.mark.asyncio
async def test_no_transaction_is_lost_or_doubled_when_the_worker_is_killed(platform: Held, figure: Figure) -> None:
    run = secrets.token_hex(4)
    keys = [f"killed-{run}-{number}" for number in range(6)]
    before = int(await asked(platform, "chain", "call", "eth_getBalance", NOBODY, "latest", "--chain", "base"), 16)
    for key in keys:
        await asked(platform, "chain", "tx", "send", NOBODY, "--wei", "11", "--key", key, "--chain", "base")
        for pod in ("worker-1", "worker-2"):
            pid = (await platform.units())[pod]["pid"]
            if isinstance(pid, int):
                os.kill(pid, signal.SIGKILL)

    async def are_final() -> None:
        found = [row for row in await asked(platform, "chain", "tx", "list") if row["key"] in keys]
        waiting = {row["key"]: row["state"] for row in found if row["state"] != "final"}
        if waiting or len(found) != len(keys):
            raise NotReady(f"{len(found)} rows, not final: {waiting}")

    await wait_for(are_final, within_s=WITHIN_S, saying="every transaction is final")
    rows = [row for row in await asked(platform, "chain", "tx", "list") if row["key"] in keys]
    nonces = sorted(row["nonce"] for row in rows)
    assert nonces == list(range(nonces[0], nonces[0] + len(keys)))
    after = int(await asked(platform, "chain", "call", "eth_getBalance", NOBODY, "latest", "--chain", "base"), 16)
    figure("worker killed: transactions final, each once", len(rows), "transactions")
    assert after - before == 11 * len(keys)
    await wait_for(lambda: everything_is_ready(platform), within_s=WITHIN_S, saying="the worker is back")


@pytest.mark.asyncio
async def test_a_pin_its_provider_lost_is_found_and_repaired(platform: Held, file: Path, figure: Figure) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    added = await asked(platform, "pins", "add", str(file), "--wait")
    figure("content pinned twice and verified", loop.time() - began_s, "s")
    assert {(pin["provider"], pin["state"]) for pin in added["pins"]} == {
        ("pinata", "verified"),
        ("pinning-service", "verified"),
    }
    number = platform.port("pinata-1", "control")
    await knobs.set_faults(number, lose_pin=[added["cid"]])
    await knobs.clear_faults(number)
    report = await asked(platform, "pins", "audit", code=1)
    assert [(found["provider"], found["cid"], found["fault"]) for found in report["findings"]] == [
        ("pinata", added["cid"], "missing")
    ]
    mended = await asked(platform, "pins", "repair")
    assert (mended["mended"], mended["left"]) == (1, [])
    assert (await asked(platform, "pins", "audit"))["findings"] == []


@pytest.mark.asyncio
async def test_wrong_bytes_of_a_gateway_are_not_believed(platform: Held, file: Path) -> None:
    added = await asked(platform, "pins", "add", str(file), "--wait")
    number = platform.port("pinning-service-1", "control")
    await knobs.set_faults(number, wrong_bytes=[added["cid"]])
    try:
        report = await asked(platform, "pins", "audit", code=1)
    finally:
        await knobs.clear_faults(number)
    assert ("pinning-service", added["cid"], "wrong-bytes") in {
        (found["provider"], found["cid"], found["fault"]) for found in report["findings"]
    }
    assert (await asked(platform, "pins", "audit"))["findings"] == []
