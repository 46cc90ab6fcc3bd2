"""Hide what logs must not show: secrets by their name, mail addresses, wallets and tokens by their form.

Between: kernel.logs (passes every field and message) and nothing else.
Invariant: a field whose name speaks of a secret never shows its value, whatever the value looks like.
Why also by form: an exception's text quotes values of columns whose names we do not see.
Errors: never raises.
Source: domain.md 4 "Privacy" (mail as first letter and domain; wallets truncated).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

HIDDEN = "[hidden]"
_SECRET_NAME = re.compile(
    r"token|secret|password|authorization|cookie|signature|otpauth|backup_?code|^code$|private|credential|mail_?body"
    r"|card|cvc|api_?key|encryption|signing_?key|nonce",
    re.IGNORECASE,
)
_MAIL = re.compile(r"\b([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,}|localhost)")
_WALLET = re.compile(r"\b0x([0-9a-fA-F]{4})[0-9a-fA-F]{32}([0-9a-fA-F]{4})\b")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*")
_URL_PASSWORD = re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@")
_DEPTH_MAX = 6
_TEXT_MAX = 8192


def text(value: str) -> str:
    """Return the text with mail addresses, wallets, tokens and passwords in URLs made unreadable."""
    if "://" in value:
        value = _URL_PASSWORD.sub(r"\1:…@", value)
    if "@" in value:
        value = _MAIL.sub(r"\1***@\2", value)
    if "0x" in value:
        value = _WALLET.sub(r"0x\1…\2", value)
    if "eyJ" in value:
        value = _JWT.sub(HIDDEN, value)
    return value


def field(name: str, value: Any, depth: int = 0) -> Any:
    """Return what a log line may show of a named value."""
    if isinstance(value, bool | int | float | None):
        return value
    if _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, str) or depth >= _DEPTH_MAX:
        return text(str(value)[:_TEXT_MAX])
    return _collection(name, value, depth + 1)


def _collection(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, Any]", value)
        return {str(key): field(str(key), item, depth) for key, item in entries.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [field(name, item, depth) for item in cast("Iterable[Any]", value)]
    return text(str(value))
