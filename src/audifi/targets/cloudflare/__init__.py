"""Render Cloudflare: what the edge of one machine does with nginx, in the words of Cloudflare's API.

    settings · firewall · caching · rewriting · balancing     bodies, from the topology
    writing                                                   expressions of the Rules language
    items                                                     all of it, in the order in which it can be made

Between: targets.catalogue (`render`), applying.cloudflare (makes it so), targets.terraform (same items).
Shape: JSON as the API takes it; a text in angle brackets is known only when the place exists.
Invariant: one zone, one owner: staging renders nothing, its hosts go by production's rules (hosts).
"""

from audifi.targets.cloudflare.hosts import owns
from audifi.targets.cloudflare.items import PHASES, items, rules
from audifi.targets.files import File, json_file
from audifi.targets.plan import Item
from audifi.topology.model.whole import Topology

FILES = {
    "lists.json": ("list",),
    "bots.json": ("bots",),
    "load-balancing.json": ("monitor", "pool", "balancer"),
    "certificates.json": ("edge certificate", "origin certificate"),
}


def render(topology: Topology) -> tuple[File, ...]:
    """One file per kind of thing, one per phase of rules."""
    if not owns(topology):
        return ()
    everything = items(topology)
    settings = {item.name: item.body["value"] for item in everything if item.kind == "setting"}
    return (
        json_file("settings.json", settings, _sources(everything, ("setting",))),
        *(_phase(topology, everything, phase) for phase in PHASES),
        *(json_file(path, _bodies(everything, kinds), _sources(everything, kinds)) for path, kinds in FILES.items()),
    )


def _phase(topology: Topology, everything: tuple[Item, ...], phase: str) -> File:
    sources = [source for item in everything if item.name.startswith(f"{phase}/") for source in item.sources]
    document = {"kind": "zone", "phase": phase, "rules": rules(topology, phase)}
    return json_file(f"rulesets/{phase}.json", document, dict.fromkeys(sources))


def _bodies(everything: tuple[Item, ...], kinds: tuple[str, ...]) -> dict[str, dict[str, object]]:
    return {kind: {item.name: dict(item.body) for item in everything if item.kind == kind} for kind in kinds}


def _sources(everything: tuple[Item, ...], kinds: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for item in everything if item.kind in kinds for source in item.sources))
