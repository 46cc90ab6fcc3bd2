"""Alert when third parties or the chains misbehave.

Between: topology.alerts.
Errors: none.
Source: domain.md 6.4; architecture.md 6.2 (pins).
"""

from typing import Final

from audifi.topology.alerts.wording import CRITICAL, TABLE, WARNING, alert, window
from audifi.topology.model.observe import AlertRule
from audifi.topology.model.whole import Topology
from audifi.wire import metrics

MINUTE: Final = 60
WEBHOOK_ERRORS_MAX: Final = 0.1  # per second
BLOCKS_BEHIND_MAX: Final = 100
RPC_ERRORS_MAX: Final = 0.01


def rules(topology: Topology) -> tuple[AlertRule, ...]:
    return (*_chains(topology), *_others(topology))


def _chains(t: Topology) -> tuple[AlertRule, ...]:
    primary = t.chains[0].providers[0]
    over = window(t, 5 * MINUTE)
    others = f'max by (network) ({metrics.RPC_PROVIDER_ACTIVE.name}{{provider!="{primary}"}}) == 1'
    return (
        alert(
            t,
            "RpcOnFallback",
            WARNING,
            f"calls to {{{{ $labels.network }}}} do not go to {primary}",
            others,
            after_s=10 * MINUTE,
            component=primary,
            promise="rpc-failover",
            runbook="providers",
        ),
        alert(
            t,
            "RpcFailing",
            WARNING,
            "{{ $value | humanizePercentage }} of calls to {{ $labels.network }} fail",
            f"""sum by (network) (rate({metrics.RPC_ERRORS.name}[{over}]))
                / sum by (network) (rate({metrics.RPC_REQUESTS.name}[{over}])) > {RPC_ERRORS_MAX}""",
            after_s=5 * MINUTE,
            component=primary,
            runbook="providers",
        ),
        alert(
            t,
            "IndexerBehind",
            WARNING,
            "the mirror of {{ $labels.chain }} is {{ $value }} blocks behind",
            f"max by (chain) ({metrics.INDEXER_BEHIND.name}) > {BLOCKS_BEHIND_MAX}",
            after_s=MINUTE,
            component="worker",
            runbook="providers",
        ),
    )


def _others(t: Topology) -> tuple[AlertRule, ...]:
    return (
        alert(
            t,
            "WebhooksFailing",
            WARNING,
            "{{ $value | humanize }} of Stripe's webhooks per second are refused or fail",
            f"sum(rate({metrics.STRIPE_WEBHOOK_ERRORS.name}[{window(t, 5 * MINUTE)}])) > {WEBHOOK_ERRORS_MAX}",
            after_s=5 * MINUTE,
            component="payment-service",
            runbook="webhooks",
        ),
        alert(
            t,
            "PinsLost",
            WARNING,
            "{{ $value }} pins at {{ $labels.provider }} are gone or were given up",
            f"max by (provider) ({metrics.IPFS_LOST.name}) > 0",
            after_s=5 * MINUTE,
            component="worker",
            promise="ipfs-pinning",
            runbook="pins",
            source="promise ipfs-pinning; architecture.md 6.2",
        ),
        alert(
            t,
            "NotificationsFailing",
            CRITICAL,
            "alerts do not reach {{ $labels.integration }}",
            f"sum by (integration) (rate(alertmanager_notifications_failed_total[{window(t, 5 * MINUTE)}])) > 0",
            after_s=MINUTE,
            component="alertmanager",
            promise="alerts-pagerduty",
            runbook="watching",
            source="promises alerts-slack and alerts-pagerduty; it goes by whichever receiver is left",
        ),
        alert(
            t,
            "DividendMismatch",
            CRITICAL,
            "more dividends are allocated than deposited: {{ $value }} wei",
            f"max({metrics.DIVIDEND_ALLOCATED.name}) - max({metrics.DIVIDEND_DEPOSITED.name}) > 0",
            after_s=15 * MINUTE,
            component="nft-service",
            runbook="money",
            source=f"{TABLE}: Σ dividend mismatch > 0; fifteen minutes: deposits are transactions under way",
        ),
    )
