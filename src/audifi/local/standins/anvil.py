"""Keep one anvil with a steady rhythm, a small memory and a safe copy of what it mined.

    python -m audifi.local.standins.anvil --anvil PATH --port PORT --chain-id ID --directory DIR

Between: local.keeper (starts and ends it), anvil (a child, which listens on the port itself) and DIR/state.json.

Why anvil does not keep its own rhythm: with a block every second it keeps 1500 old states, 210-410 MB after half an
hour, and writes the rest to disk, 2.3 GB in two hours; its memory limits count only for slower chains. So it is told a
block time of a day, which never comes, keeps STATES_KEPT states, and is told here when to mine.
When it mines: every BUSY_BLOCK_S for BUSY_S after the start, after a transaction and after anybody else mined; then
every IDLE_BLOCK_S, and at once when a transaction waits. A platform left alone grows by 300 blocks an hour.
When it refrains: while somebody has set another rhythm (evm_setIntervalMining 0: by hand; evm_setAutomine), until
the interval is set to OURS_S again.
Why anvil does not save its own state: it writes the file in place, and half a file is a chain that does not start.
Here it is written beside and renamed: SAVE_S after a transaction, every SAVE_IDLE_S otherwise, and at the end. Saving
takes a share of time of at most 1/SAVE_SHARE, so a long chain saves less often.
What a kill -9 loses: the transactions of the last SAVE_S or so. Empty blocks since the last save come back, by number
but with other hashes: heads never run backwards (DIR/height), the last minute is reorganised.
Invariant: anvil does not outlive this process (PR_SET_PDEATHSIG), nor this process anvil.
Units: *_s seconds, heights in blocks.
Errors: ends with 1 when anvil ends or does not answer; its keeper starts both again.
Source: anvil 1.7.1; crates/anvil/src/eth/backend/mem/storage.rs (update_interval_mine_block_time, enforce_limits);
sizes measured on 2026-11-23 with anvil_mine of 2000 and 8000 blocks.
"""

import argparse
import gzip
import http.client
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from audifi.local.binaries import binary
from audifi.local.files import write_text

HOST: Final = "127.0.0.1"
OURS_S: Final = 86_400  # the block time that says: mined from here
STATES_KEPT: Final = 64  # how far back state can be read; about 1 MB each once 8000 blocks are mined
EPOCH_BLOCKS: Final = 2  # safe is one epoch behind the head, finalized two
BLOCKS_MAX: Final = 5000  # a state with more of them is trimmed at the start ...
BLOCKS_KEPT: Final = 2000  # ... to the newest ones, and those with transactions
BUSY_BLOCK_S: Final = 1.0
BUSY_S: Final = 900.0
IDLE_BLOCK_S: Final = 12.0
SAVE_S: Final = 2.0
SAVE_IDLE_S: Final = 60.0
SAVE_SHARE: Final = 20
ANSWER_WITHIN_S: Final = 20.0
STARTS_WITHIN_S: Final = 20.0
ENDINGS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})


class Away(Exception):
    """Anvil does not answer."""


class Node:
    """Anvil's JSON-RPC, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_WITHIN_S)

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one call."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
            with self._connection.getresponse() as answer:
                found = json.loads(answer.read())
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            self._connection.close()
            raise Away(f"{method}: {error}") from error
        if "result" not in found:
            raise Away(f"{method}: {found}")
        return found["result"]

    def height(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)


class Memory:
    """What outlives the process: the state, and how high the chain was."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "state.json"
        self._height = directory / "height"

    def save(self, node: Node) -> None:
        """Replace the state in one step."""
        packed = bytes.fromhex(str(node.ask("anvil_dumpState")).removeprefix("0x"))
        write_text(self.state, gzip.decompress(packed).decode())

    def trim(self) -> None:
        """Forget old blocks that nothing is in: a chain kept for weeks would take a gigabyte. They are null then."""
        found: dict[str, Any] = json.loads(self.state.read_text()) if self.state.exists() else {"blocks": []}
        blocks: list[dict[str, Any]] = found["blocks"]
        if len(blocks) <= BLOCKS_MAX:
            return
        numbers = [int(block["header"]["number"], 16) for block in blocks]
        oldest = max(numbers) - BLOCKS_KEPT
        kept = zip(numbers, blocks, strict=True)
        found["blocks"] = [block for number, block in kept if number > oldest or number == 0 or block["transactions"]]
        write_text(self.state, json.dumps(found))

    def note(self, height: int) -> None:
        self._height.write_text(str(height))

    def height(self) -> int:
        """The last height noted; 0 where there is none, or half of one."""
        text = self._height.read_text() if self._height.exists() else ""
        return int(text) if text.isdigit() else 0


@dataclass
class Rhythm:
    """Decide when to mine and when to save; moments on one clock that never goes back."""

    started_s: float
    busy_until_s: float = 0.0
    mined_s: float = 0.0
    saved_s: float = 0.0
    save_took_s: float = 0.0
    is_unsaved: bool = False  # transactions since the last save

    def __post_init__(self) -> None:
        self.busy_until_s = self.started_s + BUSY_S
        self.mined_s = self.saved_s = self.started_s

    def mines(self, now_s: float, *, waiting: bool) -> bool:
        """Whether a block is due."""
        pause_s = BUSY_BLOCK_S if waiting or now_s < self.busy_until_s else IDLE_BLOCK_S
        return now_s - self.mined_s >= pause_s - 0.01

    def mined(self, now_s: float) -> None:
        """A block was mined: the next one keeps the beat, unless it was missed by more than one."""
        due_s = self.mined_s + BUSY_BLOCK_S
        self.mined_s = due_s if now_s - due_s < BUSY_BLOCK_S else now_s

    def worked(self, now_s: float, *, unsaved: bool) -> None:
        """A transaction was mined, or somebody else mined."""
        self.busy_until_s = now_s + BUSY_S
        self.is_unsaved = self.is_unsaved or unsaved

    def saves(self, now_s: float) -> bool:
        """Whether saving is due."""
        pause_s = max(SAVE_S if self.is_unsaved else SAVE_IDLE_S, self.save_took_s * SAVE_SHARE)
        return now_s - self.saved_s >= pause_s

    def saved(self, begun_s: float, now_s: float) -> None:
        self.saved_s, self.save_took_s, self.is_unsaved = now_s, now_s - begun_s, False


class Chain:
    """One anvil, mined and saved from here."""

    def __init__(self, node: Node, memory: Memory) -> None:
        self._node = node
        self._memory = memory
        self._rhythm = Rhythm(time.monotonic())
        self._height = 0

    def catch_up(self) -> None:
        """Be as high as before: what a kill -9 cut off was empty but for the last seconds."""
        missing = self._memory.height() - self._node.height()
        if missing > 0:
            self._node.ask("anvil_mine", hex(missing), "0x1")
        self._height = self._node.height()

    def beat(self) -> None:
        """Do what is due now."""
        node, rhythm = self._node, self._rhythm
        is_ours = node.ask("anvil_getIntervalMining") == OURS_S
        if is_ours and rhythm.mines(time.monotonic(), waiting=self._is_waiting()):
            node.ask("evm_mine")
            rhythm.mined(time.monotonic())
            self._look(expected=self._height + 1)
        elif not is_ours:
            self._look(expected=self._height)
        if rhythm.saves(time.monotonic()):
            self.save()

    def save(self) -> None:
        begun_s = time.monotonic()
        self._memory.save(self._node)
        self._rhythm.saved(begun_s, time.monotonic())

    def _is_waiting(self) -> bool:
        return int(self._node.ask("txpool_status")["pending"], 16) > 0

    def _look(self, expected: int) -> None:
        """See what the newest block is, and whether it is worth keeping."""
        block = self._node.ask("eth_getBlockByNumber", "latest", False)
        height = int(block["number"], 16)
        is_full = bool(block["transactions"])
        if is_full or height != expected:
            has_unseen = height < self._height or height > self._height + 1
            self._rhythm.worked(time.monotonic(), unsaved=is_full or has_unseen)
        if height != self._height:
            self._memory.note(height)
        self._height = height


def started(told: argparse.Namespace, state: Path) -> "subprocess.Popen[bytes]":
    """Anvil, ended by the kernel when this process ends."""
    options = {
        "host": HOST,
        "port": told.port,
        "chain-id": told.chain_id,
        "block-time": OURS_S,
        "prune-history": STATES_KEPT,
        "slots-in-an-epoch": EPOCH_BLOCKS,
    }
    if state.exists():
        options["load-state"] = state
    command = [str(binary("setpriv")), "--pdeathsig", "KILL", "--", str(told.anvil), "--quiet"]
    return subprocess.Popen([*command, *(f"--{name}={value}" for name, value in options.items())])


def until_it_answers(node: Node, child: "subprocess.Popen[bytes]") -> None:
    """Wait for the port: loading a long chain takes seconds.

    Raises: Away when anvil ended, or took too long.
    """
    deadline_s = time.monotonic() + STARTS_WITHIN_S
    while child.poll() is None and time.monotonic() < deadline_s:
        try:
            node.height()
        except Away:
            signal.sigtimedwait(ENDINGS - {signal.SIGTERM, signal.SIGINT}, 0.02)
        else:
            return
    raise Away(f"anvil did not start (code {child.poll()})")


def keep(told: argparse.Namespace) -> int:
    """Run until told to end (0) or anvil is gone (1)."""
    memory, node = Memory(told.directory), Node(told.port)
    memory.trim()
    child = started(told, memory.state)
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # after the start: a child would inherit it
    try:
        until_it_answers(node, child)
        chain = Chain(node, memory)
        chain.catch_up()
        ending = None
        while ending is None:
            chain.beat()
            received = signal.sigtimedwait(ENDINGS, BUSY_BLOCK_S / 4)
            ending = signal.Signals(received.si_signo) if received else None
        if ending != signal.SIGCHLD:
            chain.save()
            return 0
        sys.stderr.write(f"anvil ended with code {child.wait()}\n")
    except Away as reason:
        sys.stderr.write(f"anvil does not answer: {reason}\n")
    finally:
        child.kill()
        child.wait()
    return 1


def main() -> None:
    """Read the options and keep anvil."""
    parser = argparse.ArgumentParser(description="one development chain")
    parser.add_argument("--anvil", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chain-id", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    sys.exit(keep(parser.parse_args()))


if __name__ == "__main__":
    main()
