"""Show the mail the platform sent last: on one machine nothing leaves it.

Between: a person (or a script of the tour) and the mail stand-in's HTTP interface.
Shape: text for people, one JSON object with --json, only the link with --link.
Invariant: reads only; nothing is marked or removed.
Errors: LocalError when the stand-in does not run or nothing arrived.
Exit: 0 shown · 2 wrong use, or nothing to show
Example: ./audifi mail --to ada@example.org --link
"""

import http.client
import json
import sys
from typing import Annotated, Any, Final, cast
from urllib.parse import urlencode

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption
from audifi.local.errors import LocalError, NotRunning
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance

POD: Final = "mail-1"
ANSWER_WITHIN_S: Final = 5.0  # a loopback answer takes milliseconds


def mail(
    *,
    to: str | None = None,
    link: Annotated[bool, Parameter(negative="")] = False,
    json_: JsonOption = False,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Show the mail the platform sent last.

    Parameters
    ----------
    to
        Only mail to this address.
    link
        Print only the link in it.
    json_
        Print it as JSON.
    instance
        Directory of the running platform.
    """
    message = latest(Instance.at(instance), to)
    if link:
        if not message["links"]:
            raise LocalError(f"the last mail ({message['subject']!r}) has no link in it")
        sys.stdout.write(f"{message['links'][0]}\n")
    elif json_:
        sys.stdout.write(json.dumps(message, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(_text(message))
    return 0


def latest(instance: Instance, to: str | None) -> dict[str, Any]:
    """Return the newest message, to this address if one is given."""
    port = instance.ports.known(POD, "http")
    if port is None:
        raise NotRunning(f"no platform was ever started in {instance.path}: ./audifi up")
    query = urlencode({"limit": 1, **({"to": to} if to else {})})
    found = _get(port, f"/messages?{query}")
    if not found["data"]:
        raise LocalError(f"no mail {f'to {to} ' if to else ''}has arrived")
    return cast("dict[str, Any]", found["data"][-1])


def _get(port: int, path: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", path)
        return cast("dict[str, Any]", json.loads(connection.getresponse().read()))
    except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
        raise NotRunning(f"the mail stand-in does not answer on port {port} ({error}): ./audifi status") from error
    finally:
        connection.close()


def _text(message: dict[str, Any]) -> str:
    head = f"From: {message['from']}\nTo: {', '.join(message['to'])}\nSubject: {message['subject']}\n"
    return f"{head}Date: {message['receivedAt']}\n\n{message['text'] or message['html']}\n"
