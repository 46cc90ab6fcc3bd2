"""Check what people say about themselves, and turn names into addresses.

Between: routes.profile, store.users, store.artists.
Invariant: slug(x) matches SLUG or is empty only when nothing of the name can be written in a URL; text is stored raw
and escaped by whoever shows it; links are https only.
Errors: Invalid with one reason per field, all at once.
Source: domain.md 2.1 (field lengths), 4 "Input rules" (https only, no angle brackets in titles).
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from audifi.services.auth.errors import Invalid

SLUG: Final = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
SLUG_LENGTH_MAX: Final = 150
URL_LENGTH_MAX: Final = 2048
SUFFIXES_MAX: Final = 50  # "name", "name-2" … before we give up and ask for another name

SOCIAL_LINKS: Final = ("instagram", "twitter", "tiktok", "youtube", "website")
MUSIC_PLATFORMS: Final = ("spotify", "appleMusic", "soundcloud", "bandcamp", "tidal", "youtube")

# Letters that NFKD does not take apart.
_LATIN: Final = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "þ": "th", "ı": "i"})


def slug(name: str) -> str:
    """Return the part of an artist's address that comes from the name."""
    folded = unicodedata.normalize("NFKD", name.lower().translate(_LATIN))
    ascii_only = "".join(character for character in folded if not unicodedata.combining(character))
    words = re.findall(r"[a-z0-9]+", ascii_only.lower())
    return "-".join(words)[:SLUG_LENGTH_MAX].strip("-")


def slug_candidates(name: str) -> tuple[str, ...]:
    """Return addresses to try, in order: the plain one, then numbered ones. Empty when the name yields none."""
    plain = slug(name)
    if not plain:
        return ()
    numbered = (f"{plain[: SLUG_LENGTH_MAX - 4].strip('-')}-{number}" for number in range(2, SUFFIXES_MAX + 1))
    return (plain, *numbered)


def reasons_against_text(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Return field → reason for names and titles that hold markup, control characters or nothing."""
    reasons: dict[str, str] = {}
    for field, text in fields.items():
        if text is None:
            continue
        if not text.strip():
            reasons[field] = "must not be blank"
        elif "<" in text or ">" in text:
            reasons[field] = "must not contain angle brackets"
        elif has_control_characters(text):
            reasons[field] = "must not contain control characters"
    return reasons


def has_control_characters(text: str, *, allowed: str = "") -> bool:
    """Say whether text holds characters no one types. NUL also cannot be stored by Postgres."""
    return any(unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed for character in text)


def reasons_against_urls(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Return field → reason for addresses that are not plain https ones."""
    return {
        field: "must be an https:// address"
        for field, url in fields.items()
        if url is not None and not is_https_url(url)
    }


def is_https_url(url: str) -> bool:
    """Say whether a link may be shown to others: https, a host, no credentials, no blanks."""
    if len(url) > URL_LENGTH_MAX or has_control_characters(url) or re.search(r"[\s<>\"\\]", url):
        return False
    try:
        parts = urlsplit(url)
        has_port_or_none = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and has_port_or_none


def require_clean(*groups: Mapping[str, str]) -> None:
    """Refuse with every reason found."""
    reasons = {field: reason for group in groups for field, reason in group.items()}
    if reasons:
        raise Invalid("Some fields are not acceptable.", details=reasons)


def redirect_path(raw: str | None) -> str | None:
    """Return a path inside the application, or refuse: two slashes of either kind would leave it."""
    if raw is None:
        return None
    is_inside = raw.startswith("/") and not raw.startswith(("//", "/\\")) and "\\" not in raw
    if not is_inside or len(raw) > URL_LENGTH_MAX or has_control_characters(raw) or "://" in raw.partition("?")[0]:
        raise Invalid(details={"redirectPath": "must be a path of the application, such as /portfolio"})
    return raw
