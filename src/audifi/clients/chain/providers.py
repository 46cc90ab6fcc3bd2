"""Read the ordered list of providers from the environment, and say everything that is wrong with it at once.

Between: a process's settings (RPC_PROVIDERS, RPC_KEYS) and clients.chain.pool.chains.

Sample:
    RPC_PROVIDERS=1:alchemy=https://eth-mainnet.g.alchemy.com/v2/{key}#per_s=500,1:infura=https://mainnet.infura.io/v3/{key}
    RPC_KEYS=alchemy=KEY,infura=KEY
The order is the preference per chain. `#per_s=` is optional: the plan of the provider in its own unit (compute units,
credits); the fragment is never sent. Plans are of the account: all chains of one provider share it.
Invariant: no error quotes a URL after its host, or a key.
Errors: SettingsError with every problem; UnknownChain.
Source: RFC 3986 3.5 (a fragment stays with the client); outbound.md 1.3.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from audifi.clients.chain.errors import UnknownChain
from audifi.kernel.settings import Secret, SettingsError
from audifi.wire.chains import CHAINS

_ENTRY: Final = re.compile(r"^(?P<chain>\d+):(?P<provider>[a-z0-9][a-z0-9-]*)=(?P<url>\S+)$")
_KEY_CHARS_MIN: Final = 8  # shorter ones are words: v2, v3, rpc
_PLAN: Final = re.compile(r"^per_s=(\d+(?:\.\d+)?)$")
_LOCAL: Final = re.compile(r"^(?:127\.\d+\.\d+\.\d+|localhost|\[?::1\]?|[^.]+|.*\.(?:localhost|internal|local))$")


@dataclass(frozen=True, slots=True)
class Provider:
    """One endpoint as it was declared; the key is in its URL already."""

    chain_id: int
    name: str
    url: Secret
    plan_per_s: float | None = None


def parse_providers(text: str | Sequence[str], keys: Secret | str | None = None) -> list[Provider]:
    """Return the providers in their order.

    Raises: SettingsError.
    """
    entries = text.split(",") if isinstance(text, str) else list(text)
    entries = [entry.strip() for entry in entries if entry.strip()]
    problems: list[str] = []
    known = _keys(keys.reveal() if isinstance(keys, Secret) else keys or "", problems)
    found: list[Provider] = []
    for place, entry in enumerate(entries, start=1):
        try:
            provider = _provider(entry, known)
        except ValueError as error:
            problems.append(f"RPC_PROVIDERS: entry {place} {error}")
            continue
        if any(other.chain_id == provider.chain_id and other.name == provider.name for other in found):
            problems.append(f"RPC_PROVIDERS: entry {place} repeats {provider.chain_id}:{provider.name}")
        found.append(provider)
    if not entries:
        problems.append("RPC_PROVIDERS: names no provider (expected chain_id:provider=url, …)")
    if problems:
        raise SettingsError(problems)
    return found


def secrets_of(url: Secret) -> list[str]:
    """Return the parts of a URL that may be a key: long segments of its path, and its query."""
    parts = urlsplit(url.reveal())
    found = [segment for segment in parts.path.split("/") if len(segment) >= _KEY_CHARS_MIN]
    return [*found, *([parts.query] if parts.query else [])]


def chain_id_of(word: str, known: Iterable[int]) -> int:
    """Return the chain a person means by its name or its number, one of the known.

    Raises: UnknownChain, with what there is.
    """
    names = {CHAINS[number].name if number in CHAINS else str(number): number for number in known}
    number = int(word) if word.isdecimal() else names.get(word)
    if number is None or number not in names.values():
        there = ", ".join(f"{name} ({number})" for name, number in names.items())
        raise UnknownChain(f"there is no chain {word!r} here; there are {there}")
    return number


def _provider(entry: str, keys: dict[str, str]) -> Provider:
    match = _ENTRY.match(entry)
    if match is None:
        raise ValueError(f"is {entry.partition('=')[0][:40]!r}…: expected chain_id:provider=url")
    name, url = match["provider"], match["url"]
    label = f"({match['chain']}:{name})"
    address, _, fragment = url.partition("#")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{label} has no http(s) URL")
    if parts.scheme == "http" and not _LOCAL.match(parts.hostname):
        raise ValueError(f"{label} would send its key in clear to {parts.hostname}: use https")
    if "{key}" in address and name not in keys:
        raise ValueError(f"{label} needs a key: add {name}=… to RPC_KEYS")
    plan = _PLAN.match(fragment)
    if fragment and plan is None:
        raise ValueError(f"{label} ends in #{fragment[:20]}: expected #per_s=NUMBER")
    return Provider(
        int(match["chain"]),
        name,
        Secret(address.replace("{key}", keys.get(name, ""))),
        float(plan[1]) if plan else None,
    )


def _keys(text: str, problems: list[str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for place, part in enumerate((part.strip() for part in text.split(",") if part.strip()), start=1):
        name, equals, key = part.partition("=")
        if not equals or not name or not key:
            problems.append(f"RPC_KEYS: entry {place} is not provider=KEY")
        elif not re.fullmatch(r"[A-Za-z0-9._~-]+", key):
            problems.append(f"RPC_KEYS: the key of {name} has characters that do not belong in a path")
        else:
            keys[name] = key
    return keys
