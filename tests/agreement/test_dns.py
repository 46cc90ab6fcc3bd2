"""The zone we render is the zone the topology declares: a checker reads it, a name server answers it, octoDNS takes it.

Between: topology.zone, targets.dns; named-checkzone and named of BIND, octoDNS' own loader and validation.
Shape: one name server per environment and session, on loopback.
"""

import subprocess
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
import pytest_asyncio
from octodns.manager import Manager
from octodns.record.exception import RecordException
from octodns.zone.exception import ZoneException

from audifi.local.binaries import binary
from audifi.local.components import name_server
from audifi.targets import dns as target
from audifi.targets.dns import octodns
from audifi.targets.files import File
from audifi.topology import places, zone
from audifi.topology.declaration import platform
from audifi.topology.model.edge import DnsRecord
from audifi.topology.model.whole import Topology

READY_WITHIN_S = 20
ANSWER_WITHIN_S = 5
ENVIRONMENTS = ("production", "staging")
ZONE = zone.DNS.zone


def file(topology: Topology, end: str) -> File:
    return next(found for found in target.render(topology) if found.path.endswith(end))


def checked(directory: Path, text: str) -> "subprocess.CompletedProcess[str]":
    written = directory / "zone"
    written.write_text(text)
    # -i local: what lies in other people's zones is not asked for.
    argv = [binary("named-checkzone"), "-i", "local", ZONE, written]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


def written_out(directory: Path, topology: Topology) -> Any:
    """OctoDNS' manager, which has no types, as it reads the rendered files."""
    for found in octodns.render(places.with_placeholders(topology)):
        path = directory / found.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found.text.replace("./zones", f"{directory}/zones"))
    return Manager(str(directory / "config.yaml"))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ENVIRONMENTS)
async def answering(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[tuple[Topology, int]]:
    """An environment with what a user would fill in, and the port of a server that answers for it."""
    topology = places.with_placeholders(platform(request.param))
    directory = tmp_path_factory.mktemp("zone")
    async with name_server.serving(directory, ZONE, file(topology, ".zone").text) as port:
        yield topology, port


@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_server_answers_every_record(answering: tuple[Topology, int]) -> None:
    """Every record of the declaration, with its TTL, and nothing beside them."""
    topology, port = answering
    records = topology.surface.dns_records
    for name, type_ in sorted({(record.name, record.type) for record in records}):
        declared = {_value(record) for record in records if (record.name, record.type) == (name, type_)}
        lives = {record.ttl_s for record in records if (record.name, record.type) == (name, type_)}
        question = dns.message.make_query(ZONE if name == "@" else f"{name}.{ZONE}", type_)
        answer = await dns.asyncquery.udp(question, "127.0.0.1", port=port, timeout=ANSWER_WITHIN_S)
        found: Any = answer.find_rrset(
            answer.answer, question.question[0].name, question.question[0].rdclass, question.question[0].rdtype
        )
        assert {_text(value.to_text()) for value in found} == declared, (name, type_)
        assert {found.ttl} == lives, (name, type_)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_nobody_declared_does_not_exist(answering: tuple[Topology, int]) -> None:
    _, port = answering
    question = dns.message.make_query(f"surprise.{ZONE}", dns.rdatatype.A)
    answer = await dns.asyncquery.udp(question, "127.0.0.1", port=port, timeout=ANSWER_WITHIN_S)
    assert answer.rcode() == dns.rcode.NXDOMAIN


def _value(record: DnsRecord) -> str:
    return f"{record.priority} {record.value}" if record.type == "MX" else record.value


def _text(answered: str) -> str:
    """A TXT answer without the quotation marks of its parts."""
    return answered.replace('" "', "").strip('"') if answered.startswith('"') else answered


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_checker_takes_the_zone(tmp_path: Path, environment: str) -> None:
    done = checked(tmp_path, file(platform(environment), ".zone").text)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("www 60 IN A 192.0.2.9\n", "CNAME and other data"),
        ("@ 60 IN CNAME other.example.\n", "CNAME and other data"),
        ("bad 60 IN A 300.1.1.1\n", "bad dotted quad"),
        ('@ 60 IN CAA 0 issue letsencrypt.org" \n', ""),
        ("@ 60 IN MX mx.sendgrid.net.\n", "near 'mx.sendgrid.net.'"),
    ],
)
def test_a_checker_refuses_a_fault(tmp_path: Path, fault: str, said: str) -> None:
    done = checked(tmp_path, file(platform("production"), ".zone").text + fault)
    assert done.returncode != 0
    assert said in done.stdout


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_octodns_validates_what_we_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    """Its own loader and every rule it has for records, as `octodns-validate` calls them."""
    monkeypatch.setenv(octodns.TOKEN, "nobody's")
    topology = places.with_placeholders(platform(environment))
    manager = written_out(tmp_path, topology)
    manager.validate_configs()
    read = manager.providers["zones"]
    found = manager.get_zone(ZONE)
    read.populate(found)
    declared = {("" if each.name == "@" else each.name, each.type) for each in topology.surface.dns_records}
    assert {(each.name, each._type) for each in found.records} == declared  # octoDNS has no other name


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("value: 192.0.2.1", "value: 300.0.2.1"),
        ("value: cname.vercel-dns.com.", "value: cname.vercel-dns.com"),
        ("exchange: mx.sendgrid.net.", "exchange: 192.0.2.7."),
        ("ttl: 300", "ttl: -300"),
        ("include:sendgrid.net ~all", "include:sendgrid.net ~al"),
    ],
)
def test_octodns_refuses_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    monkeypatch.setenv(octodns.TOKEN, "nobody's")
    manager = written_out(tmp_path, platform("production"))
    records = tmp_path / f"zones/{ZONE}yaml"
    assert right in records.read_text()
    records.write_text(records.read_text().replace(right, wrong, 1))
    with pytest.raises((RecordException, ZoneException)):
        manager.validate_configs()


def test_the_two_forms_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records of octoDNS written as text are the lines of the zone file."""
    monkeypatch.setenv(octodns.TOKEN, "nobody's")
    topology = platform("production")
    manager = written_out(tmp_path, topology)
    found = manager.get_zone(ZONE)
    manager.providers["zones"].populate(found)
    lines = [line.split() for line in file(topology, ".zone").text.splitlines() if " IN " in line]
    written = {(line[0].replace("@", ""), line[3], int(line[1])) for line in lines if line[3] not in {"SOA", "NS"}}
    assert {(each.name, each._type, each.ttl) for each in found.records} == written


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_keeps_its_own_names(environment: str) -> None:
    """Neither of two environments that share a zone may plan to delete what the other has."""
    dns_ = platform(environment).surface.dns
    other = next(name for name in ENVIRONMENTS if name != environment)
    assert set(dns_.own_names) <= set(platform(other).surface.dns.foreign_names)


def test_what_nobody_filled_in_cannot_be_mistaken_for_an_address() -> None:
    topology = platform("production")
    assert places.unknown(topology), "the declaration waits for a load balancer's address"
    whole = places.with_placeholders(topology)
    assert not places.unknown(whole)
    put = {record.value for record in whole.surface.dns_records} - {r.value for r in topology.surface.dns_records}
    assert all(value.startswith("192.0.2.") or value.endswith(".invalid.") for value in put)


def test_a_place_that_no_record_waits_for_is_refused() -> None:
    with pytest.raises(KeyError, match="no record waits for moon"):
        places.filled(platform("production"), {"moon": "192.0.2.1"})


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("CAA", '0 isuewild "pki.goog"', "isuewild"),
        ("TXT", "v=DMARC1; p=quarantined", "quarantined"),
        ("CNAME", "cname.vercel-dns.com", "ends with a dot"),
    ],
)
def test_what_no_checker_refuses_is_refused_by_the_render(type_: str, value: str, said: str) -> None:
    """OctoDNS and named-checkzone take each of these."""
    topology = platform("production")
    surface = topology.surface
    added = replace(surface.dns_records[0], name="planted", type=type_, value=value)
    with pytest.raises(ValueError, match=said):
        target.render(replace(topology, surface=replace(surface, dns_records=(*surface.dns_records, added))))


def test_one_name_and_type_has_one_ttl() -> None:
    """RFC 2181 section 5.2: a server would choose for us."""
    topology = platform("production")
    surface = topology.surface
    records = (*surface.dns_records, replace(surface.dns_records[0], value="192.0.2.8", ttl_s=60))
    with pytest.raises(ValueError, match="has TTLs"):
        target.render(replace(topology, surface=replace(surface, dns_records=records)))
