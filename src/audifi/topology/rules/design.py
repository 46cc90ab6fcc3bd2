"""Judge the nine faults of the design: each is shown as resolved with what we did, or as an error with its remedy.

Between: topology.audit (runs RULES), architecture.md section 6 (the list, in its order).
Invariant: nine rules, fault-1 to fault-9, and each always yields exactly one note.
Why errors: each of these faults breaks something real; declaring it again must stop a render.
Errors: none; findings are notes.
"""

from collections.abc import Iterator
from typing import Final

from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, Severity, error
from audifi.topology.rules.facing import ROUTING
from audifi.topology.rules.keeping import hash_tags_fit
from audifi.topology.rules.pods import OURS

ACME: Final = ("/.well-known/acme-challenge/*", "/.well-known/vercel/*")


def _resolved(rule: str, component: str, fault: str, did: str) -> Note:
    return Note(severity=Severity.RESOLVED, component=component, reason=fault, remedy=did, rule=rule)


def vercel_routes(topology: Topology) -> Iterator[Note]:
    """Vercel refuses a file with both."""
    fault = "the design's vercel.json mixes `routes` with `headers`, which Vercel refuses"
    if topology.surface.vercel.uses_routes:
        yield error("fault-1", "frontend", fault, "declare rewrites and headers, and uses_routes=False")
    else:
        yield _resolved("fault-1", "frontend", fault, "rewrites + headers")


def closed_uploads(topology: Topology) -> Iterator[Note]:
    """The design's second pin cannot be made where it says."""
    fault = "NFT.Storage, the design's backup pin, takes no uploads since 2024"
    uploads = any(p.vendor == "NFT.Storage" and p.operation == "upload" for p in topology.providers)
    pins = sum(provider.use == "pinning" for provider in topology.providers)
    if uploads or pins < 2:
        yield error(
            "fault-2",
            "nft-storage",
            fault,
            "register CIDs there, and pin a second time through a Pinning Service API provider",
        )
    else:
        yield _resolved(
            "fault-2",
            "nft-storage",
            fault,
            "a second hot pin through the Pinning Service API; NFT.Storage registers CIDs after mint",
        )


def use_per_master(topology: Topology) -> Iterator[Note]:
    """Redis Cluster places keys by slot, not by use."""
    fault = '"a use case per master" is not how Redis Cluster places keys'
    cluster = topology.stores.redis_cluster
    uses = {group.master for group in cluster.tags if group.tags}
    if len(uses) < cluster.masters or any(hash_tags_fit(topology)):
        yield error("fault-3", "redis-cluster", fault, "declare hash tags inside each master's slot range")
    else:
        yield _resolved(
            "fault-3", "redis-cluster", fault, "16 hash tags per use, each computed to lie in its master's slots"
        )


def recovery_points(topology: Topology) -> Iterator[Note]:
    """A recovery time says nothing about what is lost."""
    fault = "the recovery table has RTO but no RPO, and a daily snapshot of a Redis with the queue in it loses a day"
    stores = topology.stores
    silent = [backup.name for backup in stores.backups if backup.rto_s is not None and backup.rpo_s is None]
    shared = stores.queue.component == stores.redis_cluster.component
    if silent or shared or stores.queue.append_fsync != "always":
        yield error(
            "fault-4",
            "redis-queue",
            fault,
            "declare an RPO for every backup, and the queue as its own Redis with AOF always",
        )
    else:
        yield _resolved(
            "fault-4",
            "redis-queue",
            fault,
            "the queue is its own Redis with AOF always and a replica; every backup has an RPO",
        )


def certificate_paths(topology: Topology) -> Iterator[Note]:
    """A CDN that answers these paths itself stops Vercel from renewing its certificates."""
    fault = "Cloudflare in front of Vercel would catch the paths Vercel renews certificates through"
    skipped = " ".join(rule.match for rule in topology.surface.waf_rules if rule.action == "skip")
    if all(path in skipped and path in topology.surface.vercel.passed_paths for path in ACME):
        yield _resolved("fault-5", "edge", fault, f"a rule passes {' and '.join(ACME)}")
    else:
        yield error("fault-5", "edge", fault, f"pass {' and '.join(ACME)} through")


def routed_answers(topology: Topology) -> Iterator[Note]:
    """The design wants latency and geo routing from records that cannot have it."""
    fault = "latency and geo routing do not exist in octoDNS's Cloudflare provider"
    dns = topology.surface.dns
    able = {"latency", "failover", "geo"} <= ROUTING.get(dns.routing_provider, frozenset())
    simple = all(record.routing in ROUTING.get(dns.provider, frozenset()) for record in topology.surface.dns_records)
    steered = {policy for steering in dns.steering for policy in steering.policies}
    able = able and steered <= ROUTING.get(dns.routing_provider, frozenset())
    if able and simple:
        yield _resolved("fault-6", "edge", fault, f"records by {dns.provider}, routing by {dns.routing_provider}")
    else:
        yield error("fault-6", "edge", fault, "route with Cloudflare Load Balancing or Route 53")


def loose_pods(topology: Topology) -> Iterator[Note]:
    """The design's Deployment runs whatever :latest is, as whoever, with no budget for disruption."""
    fault = "the design's Deployment has a :latest image, no security context and no disruption budget"
    guard = topology.guard
    ours = [component for component in topology.components if component.kind in OURS]
    loose = [
        component.name
        for component in ours
        if component.image is None
        or component.image.tag == "latest"
        or not component.image.digest
        or component.availability is None
        or not component.availability.spread
    ]
    if loose or guard.pod_security != "restricted" or not guard.default_deny or not guard.read_only_root:
        where = ", ".join(loose) or "the guard"
        yield error(
            "fault-7", where, fault, "declare digests, restricted pods, spread, a disruption budget and default deny"
        )
    else:
        yield _resolved(
            "fault-7",
            "auth-service",
            fault,
            "digests, restricted pods, disruption budgets, spread, NetworkPolicy default deny",
        )


def obsolete_header(topology: Topology) -> Iterator[Note]:
    """Browsers have dropped the filter that this header steers."""
    fault = "X-XSS-Protection is obsolete"
    sent = {header.name for header in topology.surface.headers}
    if "X-XSS-Protection" in sent and "Content-Security-Policy" not in sent:
        yield error("fault-8", "edge", fault, "send Content-Security-Policy too")
    else:
        yield _resolved("fault-8", "edge", fault, "sent because the design asks; Content-Security-Policy does the work")


def archived_escalation(topology: Topology) -> Iterator[Note]:
    """The stack the design names has no escalation of its own that is still maintained."""
    fault = "Grafana OnCall's open source edition, Grafana's way to escalate, is archived"
    if "PagerDuty" in topology.escalation.product and topology.escalation.steps:
        yield _resolved(
            "fault-9", "pagerduty", fault, f"{topology.escalation.product} with {len(topology.escalation.steps)} steps"
        )
    else:
        yield error("fault-9", "pagerduty", fault, "declare a PagerDuty escalation policy")


RULES: Final[tuple[Rule, ...]] = (
    vercel_routes,
    closed_uploads,
    use_per_master,
    recovery_points,
    certificate_paths,
    routed_answers,
    loose_pods,
    obsolete_header,
    archived_escalation,
)
