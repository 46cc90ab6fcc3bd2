"""What the cluster keeps agrees with the topology: secrets, roles, poolers, Redis, schedules, metadata."""

import json
import re
from typing import Any

import pytest
import yaml

from audifi.targets.kubernetes import backups, certificates, gateway, policies, postgres, redis, secrets, values
from audifi.topology import operators
from audifi.topology.declaration import platform
from audifi.topology.model.data import SecretForm
from audifi.topology.secrets import WITH_DATABASE

TOPOLOGY = platform("production")
# Who makes these in the cluster instead: CloudNativePG its own certificates and users, an operator of ours the rest.
NOT_IN_CLUSTER = {
    "postgres-superuser",
    "postgres-replication",
    "postgres-rewind",
    "postgres-rest",
    "pgbouncer-admin",
    "access-token-keys",
    "backup-identity",
}


def _kinds(documents: tuple[Any, ...], kind: str) -> list[Any]:
    return [each for each in documents if each["kind"] == kind]


def test_every_secret_arrives() -> None:
    """Each declared secret is an entry of a Secret of each of its users, or says who makes it instead."""
    wanted = (*secrets.wanted(TOPOLOGY), certificates.token(TOPOLOGY))
    arrived = {entry for each in wanted for entry in each.entries}
    declared = {each.name for each in TOPOLOGY.secrets}
    assert declared - arrived == NOT_IN_CLUSTER
    assert arrived - declared == {secrets.ORIGIN, f"{secrets.ORIGIN}-key"}


def test_no_value_of_a_secret() -> None:
    """Templates name entries of the store, and sealed ones hold the mark where a person seals."""
    for each in _kinds(secrets.sealed(TOPOLOGY), "SealedSecret"):
        assert set(each["spec"]["encryptedData"].values()) == {secrets.SEAL}
    private = {each.name for each in TOPOLOGY.secrets if each.form is SecretForm.ED25519_JWK}
    for each in secrets.wanted(TOPOLOGY):
        for key, template in each.keys.items():
            if key == "INTERNAL_CALLER_KEYS" and private & set(each.entries) and "range" in template:
                assert 'omit (fromJson $key) "d"' in template, "the private half of a caller's key would be told"


def test_a_commit_waits_for_a_replica() -> None:
    """Synchronous as declared, durable whatever it costs, and nobody signs in as superuser."""
    [cluster] = _kinds(postgres.documents(TOPOLOGY), "Cluster")
    declared = TOPOLOGY.stores.postgres
    assert cluster["spec"]["instances"] == declared.replicas + 1
    assert cluster["spec"]["postgresql"]["synchronous"]["number"] == declared.synchronous_any
    assert cluster["spec"]["postgresql"]["synchronous"]["dataDurability"] == "required"
    assert cluster["spec"]["enableSuperuserAccess"] is False


def test_two_users_take_turns() -> None:
    """Per service a role that cannot sign in and two users of it, each with a Secret that is rendered."""
    roles = {each["spec"]["name"]: each["spec"] for each in _kinds(postgres.documents(TOPOLOGY), "DatabaseRole")}
    made = {each.name for each in secrets.wanted(TOPOLOGY)}
    assert len(roles) == 3 * len(WITH_DATABASE)
    for name, role in roles.items():
        if role["login"]:
            assert role["inRoles"] == [name.rpartition("_")[0]]
            assert role["passwordSecret"]["name"] in made


def test_pools_fit_the_primary() -> None:
    """Every role's pool in every pooler pod of the writer stays below the server's connections."""
    [writer, reader] = _kinds(postgres.documents(TOPOLOGY), "Pooler")
    assert [writer["spec"]["type"], reader["spec"]["type"]] == ["rw", "ro"]
    size = int(writer["spec"]["pgbouncer"]["parameters"]["default_pool_size"])
    assert size * len(WITH_DATABASE) * writer["spec"]["instances"] < TOPOLOGY.stores.postgres.connections_max


@pytest.mark.parametrize("name", ["redis-cluster", "redis-queue"])
def test_redis_keeps_what_it_promises(name: str) -> None:
    """The declared persistence and eviction; no password in its settings; names that stay."""
    component = TOPOLOGY.component(name)
    text = redis.redis_conf(TOPOLOGY, component)
    store = TOPOLOGY.stores.redis_cluster if name == "redis-cluster" else TOPOLOGY.stores.queue
    assert f"appendfsync {store.append_fsync}\n" in text
    assert f"maxmemory-policy {store.eviction}\n" in text
    assert "requirepass" not in text
    [stateful] = [each for each in _kinds(redis.documents(TOPOLOGY), "StatefulSet") if each["metadata"]["name"] == name]
    assert stateful["spec"]["ordinals"]["start"] == 1
    assert stateful["spec"]["podManagementPolicy"] == "Parallel"
    if name == "redis-cluster":
        command = stateful["spec"]["template"]["spec"]["containers"][0]["command"]
        assert "--cluster-announce-hostname" in command
        assert "cluster-preferred-endpoint-type hostname\n" in text


def test_schedules_have_the_fields_their_reader_knows() -> None:
    """Six for CloudNativePG, five for a CronJob, and the same hour."""
    assert backups.cron("0 45 2 * * *") == "45 2 * * *"
    assert all(
        len(each["spec"]["schedule"].split()) == 6 for each in _kinds(postgres.documents(TOPOLOGY), "ScheduledBackup")
    )
    assert all(len(each["spec"]["schedule"].split()) == 5 for each in _kinds(backups.documents(TOPOLOGY), "CronJob"))


def test_nobody_reaches_a_node_s_credentials() -> None:
    """Whoever may call the public internet may not call 169.254.169.254."""
    for policy in policies.documents(TOPOLOGY):
        for rule in policy["spec"].get("egress", []):
            for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
                assert block["cidr"] != "0.0.0.0/0" or "169.254.0.0/16" in block["except"]


def test_live_pods_have_an_address_each() -> None:
    """A listener, a TCPRoute and a port that the CDN passes on, per pod."""
    found = gateway.documents(TOPOLOGY)
    replicas = TOPOLOGY.component("ws-gateway").replicas
    routes = {each["metadata"]["name"] for each in _kinds(found, "TCPRoute")}
    assert routes == {f"ws-gateway-{number}" for number in range(1, replicas + 1)}
    [entrance] = [each for each in _kinds(found, "Gateway") if each["metadata"]["name"] == "ws-balancer"]
    ports = [each["port"] for each in entrance["spec"]["listeners"] if each["protocol"] == "TLS"]
    assert ports == list(operators.POD_PORTS[:replicas])


def test_values_are_pinned_and_parse() -> None:
    """A version per chart in its file's head; Alertmanager's routes are one machine's."""
    for file, chart in zip(values.files(TOPOLOGY), operators.CHARTS, strict=True):
        assert f"--version {chart.version} " in file.text
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", chart.version)
        parsed = yaml.safe_load(file.text)
        assert json.dumps(parsed)
        if chart.name == "kube-prometheus-stack":
            severities = {route["receiver"] for route in parsed["alertmanager"]["config"]["route"]["routes"]}
            assert severities == {route.severity for route in TOPOLOGY.alert_routes}
