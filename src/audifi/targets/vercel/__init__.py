"""Render vercel.json: how the front end is built, and what Vercel answers beside its files.

Between: topology.surface.vercel and `vercel deploy web --local-config …`.
Shape: vercel.json; a file of the build wins over every rewrite.
Invariant: `rewrites` and `headers`, never `routes`, which excludes both (the audit refuses it: architecture.md 6.1).
Errors: none.
Source: https://vercel.com/docs/project-configuration; `has` of type host: the same page, "redirects".
"""

from collections.abc import Mapping
from typing import Any, Final

from audifi.targets import hosting
from audifi.targets.files import File, json_file
from audifi.topology.model.whole import Topology

SCHEMA: Final = "https://openapi.vercel.sh/vercel.json"


def render(topology: Topology) -> tuple[File, ...]:
    """vercel.json."""
    return (json_file("vercel.json", _document(topology), hosting.SOURCES),)


def _document(topology: Topology) -> dict[str, Any]:
    declared = topology.surface.vercel
    document: dict[str, Any] = {
        "$schema": SCHEMA,
        "buildCommand": declared.build_command,
        "outputDirectory": declared.output_directory,
        "redirects": [_redirect(host, to) for host, to in hosting.redirects(topology).items()],
        "rewrites": [{"source": each.source_path, "destination": each.destination} for each in declared.rewrites],
        "headers": [
            {"source": hosting.EVERYTHING, "headers": _pairs(hosting.page_headers(topology))},
            *(
                {"source": f"{kept.path}(.*)", "headers": _pairs({"Cache-Control": kept.cache_control})}
                for kept in hosting.kept(topology)
            ),
        ],
    }
    return {key: value for key, value in document.items() if value}


def _redirect(host: str, to: str) -> dict[str, Any]:
    return {
        "source": "/:path*",
        "has": [{"type": "host", "value": host}],
        "destination": f"https://{to}/:path*",
        "permanent": True,
    }


def _pairs(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in headers.items()]
