"""Write blackbox.yml: how the prober asks.

Between: topology.exposures (names the modules) and blackbox_exporter.
Units: seconds.
Errors: none.
Source: https://github.com/prometheus/blackbox_exporter/blob/v0.23.0/CONFIGURATION.md
"""

from typing import Any, Final

import yaml

ANSWER_WITHIN_S: Final = 5  # longer than any page's budget; Prometheus' own scrape time-out may be shorter


def render(*, ca_file: str = "") -> str:
    """blackbox.yml; without a file the system's authorities are trusted."""
    http: dict[str, Any] = {"method": "GET", "fail_if_not_ssl": True, "preferred_ip_protocol": "ip4"}
    if ca_file:
        http["tls_config"] = {"ca_file": ca_file}
    modules = {
        "public": {"prober": "http", "timeout": f"{ANSWER_WITHIN_S}s", "http": http},
        "accepts": {"prober": "tcp", "timeout": f"{ANSWER_WITHIN_S}s", "tcp": {"preferred_ip_protocol": "ip4"}},
    }
    return yaml.safe_dump({"modules": modules}, sort_keys=False)
