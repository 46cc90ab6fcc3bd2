"""Say how the zone is set: TLS, protocols, what the CDN must not change in our pages, bots.

Between: topology.surface.tls and .cdn, wire.headers (HSTS), items.
Shape: {setting: value} in the API's own words.
Units: HSTS in seconds.
Known: a program that calls the API looks like a bot; the design wants bots challenged, and no program can answer one.
Errors: ValueError for a mode or version that Cloudflare has no word for.
Source: developers.cloudflare.com/api/ (zones/settings, bot_management); domain.md 5.2, 5.4.
"""

import re
from typing import Any, Final

from audifi.topology.model.edge import WafRule
from audifi.topology.model.whole import Topology
from audifi.wire import headers

MODES: Final = {"Full (strict)": "strict"}
CHALLENGE: Final = {"challenge": "managed_challenge", "block": "block"}


def settings(topology: Topology) -> dict[str, Any]:
    """What every setting of ours is; the others are the CDN's business."""
    tls = topology.surface.tls
    if tls.mode not in MODES:
        raise ValueError(f"TLS mode {tls.mode!r}: the edge must verify the origin, so it is {', '.join(MODES)}")
    return {
        "ssl": MODES[tls.mode],
        "min_tls_version": tls.version_min,
        "tls_1_3": _on(is_on=tls.version_preferred == "1.3"),
        "ciphers": list(tls.ciphers),
        "http2": _on(is_on=tls.http2),
        "http3": _on(is_on=tls.http3_at_edge),
        "0rtt": "off",  # early data can be sent again by somebody else
        "always_use_https": _on(is_on=tls.redirect_status == 301),
        "opportunistic_encryption": "on",
        "security_header": _hsts(),
        "tls_client_auth": _on(is_on=topology.surface.cdn.client_certificate),
        "websockets": "on",
        "browser_cache_ttl": 0,  # what browsers keep is said by our headers
        "cache_level": "aggressive",  # the query belongs to the key
        "development_mode": "off",
        "security_level": "under_attack" if _rule(topology, "under-attack").match.endswith("on") else "medium",
        # Nothing may write into our pages: their Content-Security-Policy would refuse it.
        "email_obfuscation": "off",
        "rocket_loader": "off",
    }


def bots(topology: Topology) -> dict[str, Any]:
    """What is done with who looks like a program; the firewall names who may be one."""
    action = CHALLENGE[_rule(topology, "bots").action]
    return {
        "sbfm_definitely_automated": action,
        "sbfm_likely_automated": action,
        "sbfm_verified_bots": "allow",
        "sbfm_static_resource_protection": False,
        "optimize_wordpress": False,
        "enable_js": False,  # a script of theirs in our pages
    }


def _rule(topology: Topology, name: str) -> WafRule:
    return next(rule for rule in topology.surface.waf_rules if rule.name == name)


def _on(*, is_on: bool) -> str:
    return "on" if is_on else "off"


def _hsts() -> dict[str, Any]:
    value = headers.SECURITY["Strict-Transport-Security"]
    age = re.search(r"max-age=(\d+)", value)
    return {
        "strict_transport_security": {
            "enabled": age is not None,
            "max_age": int(age[1]) if age else 0,
            "include_subdomains": "includeSubDomains" in value,
            "preload": "preload" in value,
            "nosniff": headers.SECURITY.get("X-Content-Type-Options") == "nosniff",
        }
    }
