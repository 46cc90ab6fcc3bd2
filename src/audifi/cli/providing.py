"""Read what plan, apply and drift share: which providers, the token, what is known of the place.

Between: cli.plan, cli.apply, cli.drift on one side, applying.provider on the other.
Shape: the token comes from a file (`--token-file <(printenv TOKEN)` where it is in the environment), never from the
command line, where others can see it.
Invariant: the token goes over TLS, or to this machine; no text from here holds it.
Errors: LocalError (exit 2): no token, a file that cannot be read, a name that nothing waits for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from cyclopts import Parameter

from audifi.applying import provider
from audifi.applying.provider import Access, Provider, Unusable
from audifi.local.errors import LocalError
from audifi.targets.catalogue import TARGETS
from audifi.targets.cloudflare import items
from audifi.targets.cloudflare.hosts import owns
from audifi.targets.plan import Plan, compare, plain, refusal
from audifi.topology import places
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology

HERE: Final = ("127.0.0.1", "localhost")
NAMES: Final = ", ".join(provider.MODULES)

EnvironmentOption = Annotated[
    Literal["production", "staging"], Parameter(name=["--environment", "-e"], help="production or staging.")
]
ProvidersOption = Annotated[str, Parameter(help=f"Which providers: {NAMES} (default: all).", show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """How to reach providers, and what is known of the place."""

    environment: EnvironmentOption = "production"

    places: Annotated[
        Path | None,
        Parameter(name="--places", help='JSON: {"load balancer": "203.0.113.7"}, as angle brackets name it.'),
    ] = None

    token_file: Annotated[Path | None, Parameter(name="--token-file", help="File that holds the API token.")] = None

    api_url: Annotated[str, Parameter(name="--api-url", help="Another address of the API: a stand-in's.")] = ""

    allow_deletions: Annotated[
        int | None, Parameter(name="--allow-deletions", help="Allow so many deletions, after reading them.")
    ] = None


def names(given: tuple[str, ...], topology: Topology) -> tuple[str, ...]:
    """The providers that are meant: all that this environment has something at, unless some are named."""
    if unknown := [name for name in given if name not in provider.MODULES]:
        hint = ""
        if unknown[0] in TARGETS:
            hint = f"; rendered/{topology.environment}/{unknown[0]}/ is for its own tool (docs/howto)"
        raise LocalError(f"nothing here speaks to {unknown[0]!r}; there are {NAMES}{hint}")
    every = [name for name in provider.MODULES if name != "cloudflare" or owns(topology)]
    return tuple(dict.fromkeys(given or every))


def topology_of(options: Options) -> Topology:
    """The platform in that environment."""
    return platform(options.environment)


def connected(name: str, options: Options, topology: Topology) -> Provider:
    """A provider, reached as the options say."""
    access = Access(
        token=_token(options),
        api_url=_api_url(options),
        places=_places(options, topology),
        deletions_allowed=options.allow_deletions,
    )
    try:
        return provider.connected(name, access, topology)
    except Unusable as error:
        raise LocalError(f"{name}: {error}") from error


def planned(name: str, connection: Provider) -> Plan:
    """The plan of a provider."""
    try:
        return connection.plan()
    except Unusable as error:
        raise LocalError(f"{name}: {error}") from error


def told(plan: Plan, options: Options) -> Mapping[str, object]:
    """A plan as --json has it."""
    return {
        **plain(plan),
        "fingerprint": plan.fingerprint,
        "unknown": list(plan.unknown),
        "refused": refusal(plan, deletions_allowed=options.allow_deletions),
    }


def hints(plan: Plan, options: Options) -> list[str]:
    """What stands in the way of applying this plan."""
    found: list[str] = []
    if plan.unknown:
        quoted = ", ".join(f'"{name}"' for name in plan.unknown)
        found.append(f"Not known yet, and needed in the file of --places: {quoted}.")
    if reason := refusal(plan, deletions_allowed=options.allow_deletions):
        found.append(f"Refused: {reason}.")
    return found


def _token(options: Options) -> str:
    if options.token_file is None:
        raise LocalError("no API token: name the file that holds it, --token-file FILE")
    try:
        token = options.token_file.read_text().strip()
    except OSError as error:
        raise LocalError(f"--token-file {options.token_file}: {error.strerror}") from error
    if not token:
        raise LocalError(f"--token-file {options.token_file} is empty: put the API token there")
    return token


def _api_url(options: Options) -> str:
    found = urlsplit(options.api_url)
    if options.api_url and found.scheme != "https" and (found.scheme, found.hostname in HERE) != ("http", True):
        raise LocalError(f"--api-url {options.api_url}: the token must not travel in the clear; use https://")
    return options.api_url


def _places(options: Options, topology: Topology) -> Mapping[str, str]:
    if options.places is None:
        return {}
    try:
        known = msgspec.json.decode(options.places.read_bytes(), type=dict[str, str])
    except OSError as error:
        raise LocalError(f"--places {options.places}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise LocalError(f"--places {options.places}: {error}; it is an object of names and texts") from error
    waiting = {*places.unknown(topology)}
    if owns(topology):
        waiting |= {*compare(items(topology), []).unknown}
    if strange := sorted(set(known) - waiting):
        there = ", ".join(sorted(waiting))
        raise LocalError(f"--places {options.places}: nothing waits for {', '.join(strange)}; there are {there}")
    return known
