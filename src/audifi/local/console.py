"""Run an operator's program of the data plane with what a pod is told, and follow what it says.

Between: cli.chain, cli.pins (ask) and `python -m audifi.clients.chain`, `python -m audifi.services.worker.console`
(answer): the two planes meet through a command line without secrets, an environment, and lines of JSON.
Shape: a line is {"event": "progress", "text"} or, once and last, {"event": "result", "data"} or
{"event": "refused", "text"}: a mistake of the person's, exit 2.
Invariant: the program ends with us (Ctrl-C reaches it: same process group); a secret travels in its environment only.
Errors: LocalError with what was refused, or with the end of its standard error when it broke.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from audifi.local.binaries import SEARCH_PATH
from audifi.local.errors import LocalError

STDERR_LINES_MAX: Final = 20  # a traceback's interesting end


def run(module: str, arguments: Sequence[str], told: Mapping[str, str], *, on_progress: Callable[[str], None]) -> Any:
    """Return the program's result; tell its progress on the way."""
    command = [sys.executable, "-m", module, *arguments]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={"PATH": SEARCH_PATH, "LANG": "C.UTF-8", **told},
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                event: dict[str, Any] = json.loads(line)
                match event["event"]:
                    case "progress":
                        on_progress(event["text"])
                    case "refused":
                        raise LocalError(event["text"])
                    case _:
                        return event["data"]
            process.wait()
            errors.seek(0)
            end = "".join(errors.readlines()[-STDERR_LINES_MAX:])
            raise LocalError(f"{module} ended with code {process.returncode} and no result:\n{end}".rstrip())
        except KeyboardInterrupt:
            process.wait()  # it got the same signal
            raise
