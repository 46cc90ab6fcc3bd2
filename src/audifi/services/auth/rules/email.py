"""Bring an e-mail address into the one form we store, and say what to call its owner at first.

Between: routes.login (request), store.users (unique by this form).
Invariant: normalised(normalised(x)) == normalised(x); the result is what `users.email` holds.
Why not more: dots and plus-tags mean different mailboxes at most providers, so folding them would merge strangers.
Errors: Invalid with the field's reason.
Source: RFC 5321 section 4.5.3.1 (64 + 1 + 255 octets; 254 in practice, RFC 3696 erratum 1690).
"""

import re
from typing import Final

from audifi.services.auth.errors import Invalid

LENGTH_MAX: Final = 254
NAME_LENGTH_MAX: Final = 100

# Deliberately narrower than RFC 5322: no quoted local parts, no comments, no address literals.
_ADDRESS: Final = re.compile(
    r"^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$"
)


def normalised(raw: str) -> str:
    """Lower-case and check an address; control characters would end up in mail headers, so only ASCII passes."""
    address = raw.strip(" ").lower()
    if len(address) > LENGTH_MAX or not _ADDRESS.fullmatch(address) or ".." in address:
        raise Invalid(
            "This is not an e-mail address.", details={"email": "must be an e-mail address such as a@b.example"}
        )
    local = address.partition("@")[0]
    if local.startswith(".") or local.endswith("."):
        raise Invalid(
            "This is not an e-mail address.", details={"email": "the part before @ may not begin or end with a dot"}
        )
    return address


def first_display_name(address: str) -> str:
    """Return the local part, which the owner can change at once. Source: domain.md 4."""
    return address.partition("@")[0][:NAME_LENGTH_MAX]


def masked(address: str) -> str:
    """Return the form that may be logged: first letter and domain. Source: domain.md 4 "Privacy"."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}***@{domain}"
