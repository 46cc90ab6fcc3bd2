"""Habits of every pod: what it runs, what it may use, what it may not do, and who it is.

Between: lint.py and the rendered set.
Units: quantities as Kubernetes writes them; `amount` reads them as cores or bytes.
Invariant: jobs and containers that run first are pods like any other.
Errors: ValueError for a quantity that is none (the schema of a quantity is any text).
Source: shared/kubernetes.md, acceptance checklist, Workload 1-4, 10; Pod Security Standards, restricted;
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ (DNS labels, label values).
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from audifi.targets.kubernetes.documents import Json
from audifi.targets.kubernetes.reading import Objects, Workload, dig, many, mapping, texts, where
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology.model.whole import Topology

_AMOUNT: Final = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(m|[KMGTP]i?|k)?$")
_UNITS: Final = {"m": 0.001, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")
_DNS_LABEL: Final = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
_LABEL_VALUE: Final = re.compile(r"^$|^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")
_LITERAL: Final = re.compile(
    r"AKIA[0-9A-Z]{16}|sk_live_\w+|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@<>$]+:[^/\s:@<>$]+@|xox[bp]-\w+"
)
_SECRET_NAME: Final = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE|API_KEY|SIGNING_KEY")
_PART_OF: Final = "app.kubernetes.io/"
RECOMMENDED: Final = tuple(_PART_OF + label for label in ("name", "component", "part-of", "managed-by"))


def amount(quantity: object) -> float:
    """A quantity as a number of cores or bytes."""
    if not (match := _AMOUNT.match(str(quantity))):
        raise ValueError(f"{quantity!r} is no quantity: write 250m, 512Mi or 2")
    unit = match.group(2) or ""
    binary = 1024 ** ("KMGTP".index(unit[0]) + 1) if unit.endswith("i") else None
    return float(match.group(1)) * (binary or _UNITS.get(unit, 1))


def _containers(objects: Objects) -> Iterator[tuple[str, Json]]:
    for pod in objects.written():
        for container in pod.containers:
            yield f"{pod.where} [{container['name']}]", container


def images_pinned(objects: Objects, topology: Topology) -> Iterator[Seen]:
    """Ours by digest; a third party's by digest where one is known for sure, else by an exact version."""
    ours = {component.image.repository for component in topology.components if component.image}
    for place, container in _containers(objects):
        image = str(container.get("image", ""))
        tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
        wrong = ""
        if not _DIGEST.search(image) and (tag in {"", "latest"} or image.partition("@")[0].partition(":")[0] in ours):
            wrong = f"{image or 'no image'} is not pinned"
        elif container.get("imagePullPolicy") != "IfNotPresent":
            wrong = f"imagePullPolicy is {container.get('imagePullPolicy')}, not IfNotPresent"
        yield place, wrong


def resources_fit(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """What a container asks for and may use; a limit below its request is refused by the server."""
    for place, container in _containers(objects):
        asked, most = mapping(container, "resources.requests"), mapping(container, "resources.limits")
        missing = [f"no request of {name}" for name in ("cpu", "memory", "ephemeral-storage") if name not in asked]
        missing += [f"no limit of {name}" for name in ("memory", "ephemeral-storage") if name not in most]
        over = [
            f"limit of {name} {most[name]} below request {asked[name]}"
            for name in sorted({*asked} & {*most})
            if amount(most[name]) < amount(asked[name])
        ]
        yield place, "; ".join([*missing, *over])


def scratch_bounded(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """An emptyDir without a size fills the node's disk."""
    for pod in objects.written():
        for volume in many(pod.spec, "volumes"):
            if "emptyDir" in volume:
                bounded = dig(volume, "emptyDir.sizeLimit")
                yield pod.where, "" if bounded else f"emptyDir {volume['name']} has no sizeLimit"


POD_WANTED: Final[dict[str, object]] = {
    "securityContext.runAsNonRoot": True,
    "securityContext.seccompProfile.type": "RuntimeDefault",
    "securityContext.fsGroupChangePolicy": "OnRootMismatch",
    "securityContext.supplementalGroupsPolicy": "Strict",
    "enableServiceLinks": False,
}
POD_NUMERIC: Final = ("runAsUser", "runAsGroup", "fsGroup")
POD_REFUSED: Final = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")


def pods_restricted(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """The pod's half of `restricted`, and more."""
    for pod in objects.written():
        wrong = [
            f"{path} is {dig(pod.spec, path)}" for path, wanted in POD_WANTED.items() if dig(pod.spec, path) != wanted
        ]
        numbers: dict[str, Any] = {name: dig(pod.spec, f"securityContext.{name}") for name in POD_NUMERIC}
        wrong += [f"{name} is {value}" for name, value in numbers.items() if not isinstance(value, int) or value == 0]
        token = dig(pod.spec, "automountServiceAccountToken")
        wrong += [f"automountServiceAccountToken is {token}"] if token is not False and not _asks(objects, pod) else []
        wrong += [f"{name} is set" for name in POD_REFUSED if pod.spec.get(name)]
        wrong += [f"hostPath {volume['name']}" for volume in many(pod.spec, "volumes") if "hostPath" in volume]
        yield pod.where, "; ".join(wrong)


def _asks(objects: Objects, pod: Workload) -> bool:
    """Whether a Role of this namespace lets the pod's account ask the API server."""
    account = {"kind": "ServiceAccount", "name": dig(pod.spec, "serviceAccountName"), "namespace": pod.namespace}
    bindings = [each for each in objects.of("RoleBinding") if dig(each, "metadata.namespace") == pod.namespace]
    return any(subject == account for each in bindings for subject in many(each, "subjects"))


def containers_restricted(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """The container's half."""
    for place, container in _containers(objects):
        context = mapping(container, "securityContext")
        wrong = [
            f"{name} is {context.get(name)}"
            for name, wanted in (("allowPrivilegeEscalation", False), ("readOnlyRootFilesystem", True))
            if context.get(name) is not wanted
        ]
        if texts(context, "capabilities.drop") != ["ALL"] or texts(context, "capabilities.add"):
            wrong.append(f"capabilities are {context.get('capabilities')}")
        wrong += ["privileged"] if context.get("privileged") else []
        wrong += [f"hostPort {port['hostPort']}" for port in many(container, "ports") if port.get("hostPort")]
        yield place, "; ".join(wrong)


def accounts_apart(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """One account per workload, and no token in any pod."""
    users: dict[tuple[str, str], list[str]] = {}
    for pod in objects.lasting():
        users.setdefault((pod.namespace, str(dig(pod.spec, "serviceAccountName"))), []).append(pod.where)
    for (_, account), places in users.items():
        shared = f"shares the account {account} with {places[1:]}" if len(places) > 1 else ""
        yield places[0], shared or ("uses the account `default`" if account in {"default", "None"} else "")
    for account in objects.of("ServiceAccount"):
        yield where(account), "" if account.get("automountServiceAccountToken") is False else "mounts its token"


def roles_named(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A role says which verbs on which resources; the set has none at all as long as no pod of ours asks the API."""
    for binding in objects.of("ClusterRoleBinding"):
        yield where(binding), "binds in every namespace"
    for role in objects.of("Role", "ClusterRole"):
        named = [
            word for rule in many(role, "rules") for key in ("verbs", "resources", "apiGroups") for word in rule[key]
        ]
        yield where(role), "has a wildcard" if "*" in named else ""
    for account in objects.of("ServiceAccount"):
        yield where(account), ""


def labelled(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """The recommended labels, in pods and in what makes them; names and values that the server takes."""
    for document in objects.documents:
        labels: dict[str, object] = mapping(document, "metadata.labels")
        bad = [f"label {key}={value}" for key, value in labels.items() if not _LABEL_VALUE.match(str(value))]
        long = document["kind"] in {"Service", "Namespace"} and not _DNS_LABEL.match(dig(document, "metadata.name"))
        yield where(document), "; ".join([*bad, *(["the name is no DNS label"] if long else [])])
    for pod in objects.written():
        missing = [label for label in RECOMMENDED if label not in pod.labels]
        yield pod.where, f"its pods lack {missing}" if missing else ""


def literals_absent(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """No secret as text: not in a variable, an argument, a ConfigMap or a Secret of ours."""
    for secret in objects.of("Secret"):
        yield where(secret), "a Secret with data in it is no place for a secret" if secret.get("data") else ""
    for place, container in _containers(objects):
        named = [
            f"{variable['name']} has its value in the manifest"
            for variable in many(container, "env")
            if _SECRET_NAME.search(variable["name"]) and not str(variable["name"]).endswith(("_FILE", "_NAME", "_KEYS"))
            if variable.get("value")
        ]
        held = [*texts(container, "args"), *texts(container, "command")]
        held += [str(variable.get("value", "")) for variable in many(container, "env")]
        yield place, "; ".join([*named, *(f"a secret as text: {text[:8]}…" for text in held if _LITERAL.search(text))])
    for given in objects.of("ConfigMap"):
        found = [key for key, text in mapping(given, "data").items() if _LITERAL.search(str(text))]
        yield where(given), f"a secret as text in {found}" if found else ""


RULES: Final = (
    Rule(
        name="image-pinned",
        says="Every image is pinned: ours by digest, a third party's by digest or exact version; pulled if not present",
        remedy="render with --images, or pin the version in the topology",
        look=images_pinned,
    ),
    Rule(
        name="resources-fit",
        says="Every container asks for cpu, memory and ephemeral storage, and no limit is below its request",
        remedy="mend the component's Resources",
        look=resources_fit,
    ),
    Rule(
        name="scratch-bounded",
        says="Every emptyDir has a sizeLimit",
        remedy="say how much scratch the component needs",
        look=scratch_bounded,
    ),
    Rule(
        name="pod-restricted",
        says="Every pod keeps to `restricted`: a numeric user that is not root, RuntimeDefault, no host, no token",
        remedy="take the pod's securityContext from workloads.py",
        look=pods_restricted,
    ),
    Rule(
        name="container-restricted",
        says="Every container: no escalation, read-only root, every capability dropped",
        remedy="take the container's securityContext from workloads.py",
        look=containers_restricted,
    ),
    Rule(
        name="account-apart",
        says="Every workload has an account of its own, and no account mounts a token",
        remedy="render one ServiceAccount per component",
        look=accounts_apart,
    ),
    Rule(
        name="role-named",
        says="No role has a wildcard, none is bound in every namespace",
        remedy="name verbs and resources in a Role",
        look=roles_named,
    ),
    Rule(
        name="labelled",
        says="Every pod has the recommended labels, and every name and label value is one that the server takes",
        remedy="take labels from documents.labels",
        look=labelled,
    ),
    Rule(
        name="no-literal-secret",
        says="No secret stands in a manifest as text",
        remedy="reference a Secret that ExternalSecret or SealedSecret makes",
        look=literals_absent,
    ),
)
