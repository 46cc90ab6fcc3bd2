"""Every rule of the linter names the fault that was planted for it in the real set, and is silent about the set itself.

Invariant: a rule without a planted fault fails here: a check that cannot fail is no check.
"""

from typing import Any

import pytest
from tests.agreement.kubernetes.planting import Fault, container, planted, pod

from audifi.targets.kubernetes import lint
from audifi.targets.kubernetes.rules.rule import Verdict

type_of_document = dict[str, Any]
AWS_KEY = "AKIA" + "Q" * 16  # of the shape that scanners look for, and no key


SERVING = "nft-service"
ROUTE = "nft-service-token-write"
FAULTS = (
    # Names that must meet.
    Fault(
        rule="service-selects",
        kind="Service",
        name=SERVING,
        change=lambda d: d["spec"].update(selector={"app.kubernetes.io/name": "nft"}),
        words="selects no pod",
    ),
    Fault(
        rule="service-selects",
        kind="Service",
        name=SERVING,
        change=lambda d: d["spec"]["ports"][0].update(targetPort="web"),
        words="opens no port web",
    ),
    Fault(
        rule="scaler-target",
        kind="HorizontalPodAutoscaler",
        change=lambda d: d["spec"]["scaleTargetRef"].update(name="gone"),
        words="scales Deployment gone, which does not exist",
    ),
    Fault(
        rule="route-backend",
        kind="HTTPRoute",
        name=ROUTE,
        change=lambda d: d["spec"]["rules"][0]["backendRefs"][0].update(port=3999),
        words="port 3999",
    ),
    Fault(
        rule="route-parent",
        kind="HTTPRoute",
        name=ROUTE,
        change=lambda d: d["spec"]["parentRefs"][0].update(sectionName="htps"),
        words="no such listener",
    ),
    Fault(
        rule="monitor-port",
        kind="ServiceMonitor",
        change=lambda d: d["spec"]["endpoints"][0].update(port="metricz"),
        words="port metricz is none of",
    ),
    Fault(
        rule="gateway-class",
        kind="Gateway",
        change=lambda d: d["spec"].update(gatewayClassName="nginx"),
        words="there is no GatewayClass nginx",
    ),
    Fault(
        rule="policy-target",
        kind="SecurityPolicy",
        change=lambda d: d["spec"]["targetSelectors"][0].update(
            matchExpressions=[{"key": "gone", "operator": "Exists"}]
        ),
        words="its selector takes no HTTPRoute",
    ),
    Fault(
        rule="route-guarded",
        kind="HTTPRoute",
        name=ROUTE,
        change=lambda d: d["metadata"]["labels"].pop("audifi.io/access"),
        words="0 SecurityPolicies hold for it",
    ),
    Fault(
        rule="route-guarded",
        kind="HTTPRoute",
        name="live",
        change=lambda d: d["spec"]["rules"][0].update(timeouts={"request": "60s"}),
        words="timeouts are {'request': '60s'}",
    ),
    Fault(
        rule="plaintext-redirected",
        kind="HTTPRoute",
        name=ROUTE,
        change=lambda d: d["spec"]["parentRefs"][0].update(sectionName="http"),
        words="listener http serves without TLS",
    ),
    Fault(
        rule="plaintext-redirected",
        kind="ClientTrafficPolicy",
        change=lambda d: d["spec"]["tls"].update(minVersion="1.0"),
        words="TLS from ['1.0']",
    ),
    Fault(
        rule="certificate-renews",
        kind="Certificate",
        change=lambda d: d["spec"].update(renewBefore="9000h"),
        words="renewBefore 9000h of 2160h",
    ),
    Fault(
        rule="certificate-renews",
        kind="Issuer",
        change=lambda d: d["spec"]["acme"].update(server="https://acme.example.org/directory"),
        words="the zone's CAA allows",
    ),
    Fault(
        rule="certificate-issuer",
        kind="Certificate",
        change=lambda d: d["spec"]["issuerRef"].update(name="gone"),
        words="gone",
    ),
    Fault(
        rule="listener-certificate",
        kind="Certificate",
        change=lambda d: d["spec"].update(dnsNames=["example.org"]),
        words="covers ['example.org'], not",
    ),
    Fault(
        rule="given-exists",
        kind="Deployment",
        name=SERVING,
        change=lambda d: container(d)["env"].append(
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "gone", "key": "x"}}}
        ),
        words="nobody makes the Secret gone",
    ),
    Fault(
        rule="volume-exists",
        kind="Deployment",
        change=lambda d: container(d)["volumeMounts"].append({"name": "gone", "mountPath": "/gone"}),
        words="mounts ['gone'], which the pod does not have",
    ),
    Fault(
        rule="account-exists",
        kind="Deployment",
        change=lambda d: pod(d).update(serviceAccountName="gone"),
        words="there is no ServiceAccount gone",
    ),
    Fault(
        rule="account-exists",
        kind="Deployment",
        change=lambda d: pod(d).update(priorityClassName="gone"),
        words="there is no PriorityClass gone",
    ),
    Fault(
        rule="namespace-exists",
        kind="Deployment",
        change=lambda d: d["metadata"].update(namespace="default"),
        words="is in namespace default",
    ),
    Fault(
        rule="budget-selects",
        kind="PodDisruptionBudget",
        change=lambda d: d["spec"]["selector"].update(matchLabels={"audifi.io/component": SERVING}),
        words="not one workload",
    ),
    Fault(
        rule="selector-apart",
        kind="Deployment",
        name=SERVING,
        change=lambda d: d["spec"]["selector"].update(matchLabels={"app.kubernetes.io/part-of": "audifi"}),
        words="selects the pods of",
    ),
    # Habits of pods.
    Fault(
        rule="image-pinned",
        kind="Deployment",
        change=lambda d: container(d).update(image="audifi/nft-service:latest"),
        words="audifi/nft-service:latest is not pinned",
    ),
    Fault(
        rule="image-pinned",
        kind="Deployment",
        change=lambda d: container(d).update(imagePullPolicy="Always"),
        words="imagePullPolicy is Always",
    ),
    Fault(
        rule="resources-fit",
        kind="Deployment",
        change=lambda d: container(d)["resources"]["limits"].update(memory="16Mi"),
        words="limit of memory 16Mi below request",
    ),
    Fault(
        rule="resources-fit",
        kind="Deployment",
        change=lambda d: container(d)["resources"]["requests"].pop("cpu"),
        words="no request of cpu",
    ),
    Fault(
        rule="scratch-bounded",
        kind="Deployment",
        change=lambda d: pod(d)["volumes"].append({"name": "more", "emptyDir": {}}),
        words="emptyDir more has no sizeLimit",
    ),
    Fault(
        rule="pod-restricted",
        kind="Deployment",
        change=lambda d: pod(d)["securityContext"].update(runAsUser=0),
        words="runAsUser is 0",
    ),
    Fault(
        rule="pod-restricted",
        kind="Deployment",
        change=lambda d: pod(d).update(automountServiceAccountToken=True),
        words="automountServiceAccountToken is True",
    ),
    Fault(
        rule="pod-restricted",
        kind="Job",
        change=lambda d: pod(d).update(hostNetwork=True),
        words="hostNetwork is set",
    ),
    Fault(
        rule="container-restricted",
        kind="Deployment",
        change=lambda d: container(d)["securityContext"].update(readOnlyRootFilesystem=False),
        words="readOnlyRootFilesystem is False",
    ),
    Fault(
        rule="container-restricted",
        kind="Job",
        change=lambda d: container(d)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        words="capabilities are",
    ),
    Fault(
        rule="account-apart",
        kind="ServiceAccount",
        change=lambda d: d.update(automountServiceAccountToken=True),
        words="mounts its token",
    ),
    Fault(
        rule="account-apart",
        kind="Deployment",
        name=SERVING,
        change=lambda d: pod(d).update(serviceAccountName="auth-service"),
        words="shares the account auth-service",
    ),
    Fault(
        rule="role-named",
        kind="ServiceAccount",
        change=lambda d: d.update(
            kind="ClusterRole", rules=[{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]}]
        ),
        words="has a wildcard",
    ),
    Fault(
        rule="labelled",
        kind="Deployment",
        change=lambda d: d["spec"]["template"]["metadata"]["labels"].pop("app.kubernetes.io/part-of"),
        words="its pods lack ['app.kubernetes.io/part-of']",
    ),
    Fault(
        rule="no-literal-secret",
        kind="Deployment",
        change=lambda d: container(d)["env"].append({"name": "STORE_ID", "value": AWS_KEY}),
        words="a secret as text: AKIAQQQQ…",
    ),
    Fault(
        rule="no-literal-secret",
        kind="Deployment",
        change=lambda d: container(d)["env"].append({"name": "DATABASE_PASSWORD", "value": "x"}),
        words="DATABASE_PASSWORD has its value in the manifest",
    ),
    # How pods start, stay and go.
    Fault(
        rule="probes-present",
        kind="Deployment",
        change=lambda d: container(d).pop("readinessProbe"),
        words="has no readinessProbe",
    ),
    Fault(
        rule="probes-present",
        kind="Deployment",
        change=lambda d: container(d)["livenessProbe"]["httpGet"].update(port="web"),
        words="livenessProbe asks port web, which the container lacks",
    ),
    Fault(
        rule="liveness-patient",
        kind="Deployment",
        change=lambda d: container(d)["livenessProbe"].update(periodSeconds=1, failureThreshold=1),
        words="liveness gives up after 1 s",
    ),
    Fault(
        rule="drain-fits",
        kind="Deployment",
        change=lambda d: pod(d).update(terminationGracePeriodSeconds=3),
        words="is killed after 3 s",
    ),
    Fault(
        rule="drain-fits",
        kind="StatefulSet",
        name="ws-gateway",
        change=lambda d: pod(d).update(terminationGracePeriodSeconds=120),
        words="sockets get 120 s to leave, not 300",
    ),
    Fault(
        rule="rollout-careful",
        kind="Deployment",
        change=lambda d: d["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1),
        words="maxUnavailable 1",
    ),
    Fault(
        rule="replicas-spread",
        kind="Deployment",
        change=lambda d: pod(d).pop("topologySpreadConstraints"),
        words="zones not kept apart; nodes not kept apart",
    ),
    Fault(
        rule="budget-kept",
        kind="PodDisruptionBudget",
        change=lambda d: d["spec"].update(maxUnavailable=0),
        words="allows no disruption",
    ),
    Fault(
        rule="scaling-sound",
        kind="Deployment",
        name=SERVING,
        change=lambda d: d["spec"].update(replicas=3),
        words="spec.replicas fights the autoscaler",
    ),
    Fault(
        rule="configuration-rolls",
        kind="ConfigMap",
        name="nft-service-settings-*",
        change=lambda d: d.update(immutable=False),
        words="not immutable",
    ),
    # Who speaks to whom.
    Fault(
        rule="policies-are-links",
        kind="NetworkPolicy",
        name=SERVING,
        change=lambda d: d["spec"].pop("egress"),
        words="nft-service → pgbouncer:5432: is declared, and the policies cut it",
    ),
    Fault(
        rule="policies-are-links",
        kind="NetworkPolicy",
        name="postgres",
        change=lambda d: d["spec"]["ingress"].append({}),
        words="is open, and nothing declares it",
    ),
    Fault(
        rule="namespace-closed",
        kind="Namespace",
        change=lambda d: d["metadata"]["labels"].update({"pod-security.kubernetes.io/enforce": "privileged"}),
        words="enforce is privileged",
    ),
    Fault(
        rule="namespace-closed",
        kind="NetworkPolicy",
        name="default-deny",
        change=lambda d: d["spec"].update(policyTypes=["Ingress"]),
        words="no policy denies everything by default",
    ),
    # What the API server's own code refuses.
    Fault(
        rule="word-known",
        kind="Deployment",
        change=lambda d: container(d).update(imagePullPolicy="IfNotPressent"),
        words="imagePullPolicy: IfNotPressent",
    ),
    Fault(
        rule="name-lawful",
        kind="Service",
        change=lambda d: d["metadata"].update(name="NFT_service"),
        words="'NFT_service' is no name for a Service",
    ),
    Fault(
        rule="template-matches",
        kind="Deployment",
        change=lambda d: d["spec"]["template"]["metadata"]["labels"].update({"app.kubernetes.io/name": "other"}),
        words="does not take its own template's labels",
    ),
    Fault(
        rule="template-matches",
        kind="HorizontalPodAutoscaler",
        change=lambda d: d["spec"].update(minReplicas=9, maxReplicas=2),
        words="minReplicas 9 above maxReplicas 2",
    ),
    Fault(
        rule="container-lawful",
        kind="Deployment",
        change=lambda d: container(d)["ports"][0].update(name="a-name-that-is-too-long"),
        words="'a-name-that-is-too-long' is no name for a port",
    ),
    Fault(
        rule="container-lawful",
        kind="Deployment",
        change=lambda d: container(d)["resources"]["requests"].update(memory="512MB"),
        words="'512MB' is no quantity",
    ),
    Fault(
        rule="container-lawful",
        kind="Job",
        change=lambda d: pod(d).update(restartPolicy="Always"),
        words="restartPolicy Always in a Job",
    ),
    Fault(
        rule="service-lawful",
        kind="Service",
        change=lambda d: d["spec"]["ports"].append(dict(d["spec"]["ports"][0])),
        words="is there twice",
    ),
    # Where data is kept.
    Fault(
        rule="database-safe",
        kind="Cluster",
        change=lambda d: d["spec"]["postgresql"]["synchronous"].update(number=0),
        words="synchronous is",
    ),
    Fault(
        rule="database-safe",
        kind="Cluster",
        change=lambda d: d["spec"]["postgresql"]["parameters"].update(archive_command="true"),
        words="the operator sets ['archive_command'] itself",
    ),
    Fault(
        rule="connections-fit",
        kind="Pooler",
        change=lambda d: d["spec"]["pgbouncer"]["parameters"].update(default_pool_size="20"),
        words="connections, PostgreSQL has",
    ),
    Fault(
        rule="proxy-careful",
        kind="EnvoyProxy",
        change=lambda d: d["spec"]["provider"]["kubernetes"]["envoyDeployment"]["container"].pop("securityContext"),
        words="may write to its root; may escalate; keeps capabilities",
    ),
    Fault(
        rule="database-sized",
        kind="Cluster",
        change=lambda d: d["spec"]["resources"]["limits"].update(memory="1Gi"),
        words="limit of memory below its request",
    ),
    Fault(
        rule="quota-fits",
        kind="ResourceQuota",
        change=lambda d: d["spec"]["hard"].update({"requests.cpu": "2"}),
        words="of cpu, the quota is 2",
    ),
    Fault(
        rule="backup-scheduled",
        kind="ScheduledBackup",
        change=lambda d: d["spec"].update(schedule="15 2 * * *"),
        words="has not six fields",
    ),
    Fault(
        rule="redis-heals",
        kind="StatefulSet",
        name="redis-cluster",
        change=lambda d: d["spec"].pop("volumeClaimTemplates"),
        words="no volume",
    ),
    Fault(
        rule="job-ends",
        kind="Job",
        change=lambda d: d["spec"].pop("activeDeadlineSeconds"),
        words="no activeDeadlineSeconds",
    ),
    Fault(
        rule="monitor-timed",
        kind="PodMonitor",
        change=lambda d: d["spec"]["podMetricsEndpoints"][0].update(scrapeTimeout="2m"),
        words="asks for 120 s every",
    ),
    Fault(
        rule="alert-told",
        kind="PrometheusRule",
        change=lambda d: next(r for g in d["spec"]["groups"] for r in g["rules"] if "alert" in r).update(
            annotations={}
        ),
        words="no runbook_url",
    ),
    Fault(
        rule="secret-fetched",
        kind="ExternalSecret",
        change=lambda d: d["spec"]["secretStoreRef"].update(name="gone"),
        words="gone",
    ),
)


@pytest.mark.parametrize("rule", [rule.name for rule in lint.RULES])
def test_the_real_set_keeps_every_rule(verdicts: dict[str, Verdict], rule: str) -> None:
    assert verdicts[rule].seen, "looked at nothing"
    assert not verdicts[rule].wrong


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_planted_fault_is_named(production: dict[str, list[type_of_document]], fault: Fault) -> None:
    said = planted(production, fault)
    assert any(fault.words in each for each in said), said


def test_every_rule_has_a_planted_fault() -> None:
    assert {fault.rule for fault in FAULTS} == {rule.name for rule in lint.RULES}
