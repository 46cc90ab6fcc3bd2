"""Say no in Stripe's words.

Between: every handler (raises) and server (answers).
Shape: {"error": {"type", "code", "message", "param"?, "decline_code"?}}.
Source: docs.stripe.com/api/errors, docs.stripe.com/error-codes, docs.stripe.com/declines/codes.
"""

from typing import Any, Final

_TYPES: Final = {400: "invalid_request_error", 402: "card_error", 429: "invalid_request_error"}


class Refused(Exception):
    """An error object and its status."""

    def __init__(self, status: int, code: str, message: str, *, kind: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        default = "api_error" if status >= 500 else "invalid_request_error"
        self.error: dict[str, Any] = {
            "type": kind or _TYPES.get(status, default),
            "code": code,
            "message": message,
            "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
            **more,
        }

    def body(self) -> dict[str, Any]:
        return {"error": {name: value for name, value in self.error.items() if value is not None}}


def missing(kind: str, identity: str) -> Refused:
    return Refused(404, "resource_missing", f"No such {kind}: '{identity}'", param="id")


def declined(reason: str, **more: Any) -> Refused:
    """The card's bank said no."""
    return Refused(402, "card_declined", "Your card was declined.", decline_code=reason, **more)
