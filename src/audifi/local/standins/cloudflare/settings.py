"""Judge the settings of a zone: which exist, and what each may be.

Between: server (routes of /zones/{zone}/settings).
Shape: {id, value, editable, modified_on}; a zone that nobody touched has Cloudflare's defaults.
Errors: Refused 400, code 1006 for a setting that does not exist, 1007 for a value that it cannot have.
Source: developers.cloudflare.com/api/ (zones/settings), read for a Business plan.
"""

from collections.abc import Mapping
from typing import Final, cast

from audifi.local.standins.cloudflare.account import Zone, now
from audifi.local.standins.cloudflare.answers import Refused, type_of_item

SWITCH: Final = ("off", "on")
# The first value is what a new zone has.
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "0rtt": SWITCH,
    "always_online": SWITCH,
    "always_use_https": SWITCH,
    "automatic_https_rewrites": ("on", "off"),
    "brotli": ("on", "off"),
    "browser_check": ("on", "off"),
    "cache_level": ("aggressive", "basic", "simplified"),
    "development_mode": SWITCH,
    "early_hints": SWITCH,
    "email_obfuscation": ("on", "off"),
    "http2": ("on", "off"),
    "http3": SWITCH,
    "ip_geolocation": ("on", "off"),
    "ipv6": ("on", "off"),
    "min_tls_version": ("1.0", "1.1", "1.2", "1.3"),
    "opportunistic_encryption": ("on", "off"),
    "rocket_loader": SWITCH,
    "security_level": ("medium", "off", "essentially_off", "low", "high", "under_attack"),
    "ssl": ("full", "off", "flexible", "strict"),
    "tls_1_3": ("on", "off", "zrt"),
    "tls_client_auth": SWITCH,
    "websockets": ("on", "off"),
}
SECONDS: Final[Mapping[str, int]] = {"browser_cache_ttl": 14_400, "challenge_ttl": 1800}
CIPHERS: Final = frozenset(
    {
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA", "AES256-GCM-SHA384", "AES256-SHA256", "AES256-SHA",
        "DES-CBC3-SHA",
    }
)  # fmt: skip
HSTS: Final = frozenset({"enabled", "max_age", "include_subdomains", "preload", "nosniff"})
UNTOUCHED: Final[Mapping[str, object]] = {
    **{name: values[0] for name, values in CHOICES.items()},
    **SECONDS,
    "ciphers": [],
    "security_header": {"strict_transport_security": {"enabled": False, "max_age": 0, "include_subdomains": False,
                                                      "preload": False, "nosniff": False}},
}  # fmt: skip


def everything(zone: Zone) -> list[type_of_item]:
    """All settings of a zone."""
    return [found(zone, name) for name in UNTOUCHED]


def found(zone: Zone, name: str) -> type_of_item:
    """One setting."""
    if name not in UNTOUCHED:
        raise Refused(400, 1006, f"Unrecognized zone setting name: {name}")
    return {"id": name, "value": zone.settings.get(name, UNTOUCHED[name]), "editable": True, "modified_on": now()}


def edit(zone: Zone, name: str, body: type_of_item) -> type_of_item:
    """Change one setting."""
    found(zone, name)
    if set(body) != {"value"}:
        raise Refused(400, 1007, f"the body of setting {name} must be {{value}}, not {{{', '.join(sorted(body))}}}")
    if fault := _fault(name, body["value"]):
        raise Refused(400, 1007, f"Invalid value for zone setting {name}: {fault}")
    zone.settings[name] = body["value"]
    return found(zone, name)


def _fault(name: str, value: object) -> str:
    if name in CHOICES:
        return "" if value in CHOICES[name] else f"{value!r} is not one of {', '.join(CHOICES[name])}"
    if name in SECONDS:
        return (
            ""
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0
            else f"{value!r} is no number of seconds"
        )
    if name == "ciphers":
        unknown = (
            [each for each in cast("list[str]", value) if each not in CIPHERS]
            if isinstance(value, list)
            else ["no list"]
        )
        return f"{', '.join(unknown)} is not known" if unknown else ""
    return _hsts_fault(value)


def _hsts_fault(value: object) -> str:
    inner = cast("type_of_item", value).get("strict_transport_security") if isinstance(value, dict) else None
    fields = set(cast("type_of_item", inner)) if isinstance(inner, dict) else set[str]()
    return "" if fields and fields <= HSTS else f"strict_transport_security may have {', '.join(sorted(HSTS))}"
