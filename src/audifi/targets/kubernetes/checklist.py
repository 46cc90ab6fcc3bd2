"""Answer a reviewer's checklist item by item, each with what was looked at in the rendered set.

Between: lint.py (verdicts), tests (named here, and shown to exist by tests/agreement/kubernetes/test_checklist.py), and
cli.render (`--checklist` prints the page).
Shape: an item is a sentence of the checklist, the rules and tests that judge it, and what is honestly not so.
Invariant: pure; every rule of the linter belongs to an item, every item has evidence or says why it has none.
Errors: KeyError for a rule that does not exist.
Source: shared/kubernetes.md, "Acceptance checklist"; the items are in its order and words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from audifi.targets.kubernetes.rules.rule import Verdict

HERE: Final = "tests/agreement/kubernetes/"
POLICY: Final = f"{HERE}test_policy.py::test_checkov_refuses_only_the_exceptions"
CUSTOM: Final = f"{HERE}test_builtin.py::test_custom_kinds_keep_to_their_authors_rules"
BUILT_IN: Final = f"{HERE}test_builtin.py::test_built_in_kinds_keep_to_the_schema"
PLANTED: Final = f"{HERE}test_builtin.py::test_a_planted_fault_is_named"
LIMITS: Final = f"{HERE}test_places.py::test_limits_and_grace_are_the_same"
WAYS: Final = f"{HERE}test_places.py::test_every_way_in_leads_to_the_same_service"
RENDERED: Final = "tests/agreement/test_rendered.py::test_"
WATCHING: Final = "tests/unit/targets/test_watching.py::test_"
COMMAND: Final = "./audifi render --checklist > docs/production-checklist.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One line of the checklist. `but` says what is not so, or not shown here, and why."""

    section: str
    text: str
    rules: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    but: str = ""


def _items(section: str, *rows: tuple[str, str, str, str]) -> tuple[Item, ...]:
    """Rows of text, rules, tests and exception; names apart by spaces."""
    return tuple(
        Item(section=section, text=text, rules=tuple(rules.split()), tests=tuple(tests.split()), but=but)
        for text, rules, tests, but in rows
    )


ITEMS: Final = (
    *_items(
        "Workload",
        (
            "1. image by digest, pinned registry, IfNotPresent; no :latest",
            "image-pinned",
            "tests/agreement/test_rendered.py::test_a_release_pins_every_image",
            "ours: zeros until `--images` names a release; a third party's: by exact version, no registry was asked",
        ),
        (
            "2. requests and memory limit on every container; emptyDir sizeLimit; ephemeral storage",
            "resources-fit scratch-bounded proxy-careful database-sized",
            f"{LIMITS} {POLICY}",
            "no CPU limit for ws-gateway, Redis and jobs (CKV_K8S_11, reasoned in the test)",
        ),
        (
            "3. restricted: user, seccomp, no service links, no escalation, read-only root, drop ALL, no host",
            "pod-restricted container-restricted",
            POLICY,
            "",
        ),
        (
            "4. one ServiceAccount per workload, no token unless it calls the API; roles without wildcards",
            "account-apart account-exists role-named",
            "",
            "",
        ),
        (
            "5. startup, readiness, liveness (looser, only the pod itself); named ports that exist",
            "probes-present liveness-patient",
            f"{HERE}test_places.py::test_probes_ask_the_same",
            "the exporter beside Redis has none: a sick exporter must not restart a database",
        ),
        (
            "6. preStop longer than propagation, grace longer than the drain; sockets 300 s, slow",
            "drain-fits",
            "tests/agreement/test_rendered.py::test_pods_end_before_they_are_killed",
            "ws-gateway does not scale by itself: an address names its pod (docs/decisions/0046)",
        ),
        (
            "7. rolling updates, minReadySeconds, deadlines, history; migrations as Jobs before and after",
            "rollout-careful job-ends",
            "",
            "",
        ),
        (
            "8. two pods or more, spread by zone and host; a budget per workload that never allows zero",
            "replicas-spread budget-kept budget-selects selector-apart",
            "",
            "",
        ),
        (
            "9. autoscaling: fits quota and connections, measures something, both ways; no fixed replicas beside it",
            "scaler-target scaling-sound connections-fit quota-fits",
            "tests/agreement/test_rendered.py::test_pods_at_their_most_fit_the_database",
            "",
        ),
        (
            "10. priority classes; configuration rolls pods; recommended labels; selectors unique",
            "configuration-rolls labelled template-matches",
            "",
            "",
        ),
    ),
    *_items(
        "Network",
        (
            "default deny; DNS; every link one allow pair and nothing else; metadata address out of reach",
            "policies-are-links namespace-closed",
            f"{HERE}test_reach.py::test_the_credentials_of_a_node_are_out_of_reach",
            "third parties are addresses, not host names: NetworkPolicy knows no names",
        ),
        (
            "Services and their ports meet pods",
            "service-selects service-lawful",
            f"{HERE}test_places.py::test_ports_are_the_same_numbers",
            "",
        ),
    ),
    *_items(
        "Namespace",
        (
            "restricted at a pinned version; ResourceQuota and LimitRange; nothing in `default`",
            "namespace-closed namespace-exists",
            "",
            "",
        ),
    ),
    *_items(
        "Gateway",
        (
            "TLS only, plaintext redirects with 301, TLS 1.2 or newer, HSTS; trusted hops",
            "plaintext-redirected",
            "",
            "the gateway and the CDN both send HSTS; no rule of this page judges it",
        ),
        (
            "hosts covered by a certificate; parents, sections, classes, ports and policies exist",
            "listener-certificate route-parent route-backend gateway-class policy-target",
            "",
            "",
        ),
        (
            "JWT with audiences and JWKS, limits per user and per address, CORS; sockets without a deadline",
            "route-guarded",
            f"{WAYS} {CUSTOM}",
            "what Envoy Gateway makes of the policies can only be seen in a cluster",
        ),
    ),
    *_items(
        "Certificates",
        (
            "ECDSA, new keys, renewed in time, dns01 for wildcards, staging and production issuers, CAA",
            "certificate-issuer certificate-renews",
            "tests/agreement/test_dns.py::test_a_checker_takes_the_zone",
            "Cloudflare's origin certificate is brought in as a secret: its dates are not in the set",
        ),
    ),
    *_items(
        "Data",
        (
            "Postgres: three instances and zones, synchronous quorum, WAL apart, memory guaranteed, no superuser",
            "database-safe connections-fit",
            CUSTOM,
            "",
        ),
        (
            "Postgres: scheduled backups with six fields, archive, retention",
            "backup-scheduled",
            "",
            "no schema judges the plugin's ObjectStore: its definition is not among the published ones here",
        ),
        (
            "Redis: six pods, headless names, log of writes, announced by name, budget 1, password from a Secret",
            "redis-heals given-exists",
            "",
            "a restart of all pods at once has not been run in a cluster",
        ),
        ("jobs: time zone, never beside themselves, tries, deadline, cleared away", "job-ends", "", ""),
    ),
    *_items(
        "Secrets",
        (
            "no literals; ExternalSecret or SealedSecret; refreshed; ConfigMaps immutable",
            "no-literal-secret secret-fetched given-exists volume-exists",
            POLICY,
            "sealed values are placeholders until they are sealed with the cluster's own key",
        ),
    ),
    *_items(
        "Observability",
        ("monitors find a port, and time out within their interval", "monitor-port monitor-timed", "", ""),
        (
            "every alert has severity, runbook, `for`; expressions parse and fire when they should",
            "alert-told",
            f"{WATCHING}prometheus_accepts_its_files {WATCHING}rules_say_what_they_should_on_planted_series",
            "",
        ),
    ),
    *_items(
        "Set-wide",
        (
            "all names resolve",
            "service-selects given-exists account-exists volume-exists route-backend certificate-issuer",
            f"{HERE}test_faults.py::test_a_planted_fault_is_named",
            "",
        ),
        (
            "deterministic output",
            "",
            f"{RENDERED}two_renders_are_equal {RENDERED}what_is_committed_is_what_is_rendered",
            "",
        ),
        (
            "strict schemas of 1.36 and 1.37; what the server's own code refuses",
            "word-known name-lawful template-matches container-lawful service-lawful",
            f"{BUILT_IN} {PLANTED}",
            "a real API server (server-side dry run, dropped fields) was not at hand",
        ),
    ),
)


def page(environments: Mapping[str, tuple[Verdict, ...]]) -> str:
    """The page: a table per section."""
    lines = [f"<!-- generated by: {COMMAND} -->", "", "# Production checklist", "", *INTRODUCTION, ""]
    for section in dict.fromkeys(item.section for item in ITEMS):
        lines += [f"## {section}", "", "| item | evidence | but |", "|---|---|---|"]
        lines += [_row(item, environments) for item in ITEMS if item.section == section]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


INTRODUCTION: Final = (
    "Every line of a platform reviewer's checklist, and what shows it. A rule is a check of `./audifi render`, which",
    "writes nothing while one finds a fault; the numbers say in how many places it looked (production / staging). For",
    "each rule a test plants a fault in the real set, which it must name. *But* says what is not so or not shown.",
)


def _row(item: Item, environments: Mapping[str, tuple[Verdict, ...]]) -> str:
    evidence = "; ".join([*(_of_rule(name, environments) for name in item.rules), *_of_tests(item)])
    return f"| {item.text} | {evidence} | {item.but} |"


def _of_rule(name: str, environments: Mapping[str, tuple[Verdict, ...]]) -> str:
    """How often it looked, and how often it found a fault."""
    found = [next(each for each in verdicts if each.rule.name == name) for verdicts in environments.values()]
    places, wrong = (" / ".join(str(len(part)) for part in parts) for parts in zip(*_counts(found), strict=True))
    faults = sum(len(each.wrong) for each in found)
    return f"`{name}` {places} places" + (f", **{wrong} faults**" if faults else "")


def _counts(found: list[Verdict]) -> Iterator[tuple[tuple[object, ...], tuple[object, ...]]]:
    yield from ((each.seen, each.wrong) for each in found)


def _of_tests(item: Item) -> list[str]:
    return [f"`{test.rpartition('/')[2]}`" for test in item.tests]
