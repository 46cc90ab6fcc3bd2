"""Ask a real name server that answers for production's rendered zone, as somebody who looks AudiFi up does.

Between: drills.probes (collects), targets.dns (renders the zone), local.components.name_server (answers) and dnspython.
Shape: a probe per record of the design whose value we know; addresses of load balancers and DKIM's name come from
accounts that nobody has here, and stay unproven.
Units: "so": 1 when there is an answer and every value of it fits.
Invariant: the value is what came over UDP, not what was rendered. Sabotage: the record is missing in the zone.
Errors: Mismatch when the server refuses; MissingBinary without BIND.
Source: design.md "DNS Configuration"; RFC 1035; RFC 7208 (SPF); RFC 7489 (DMARC).
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dns.asyncquery
import dns.exception
import dns.message

from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.drills.probes.probe import Measure, Probe, Weakened
from audifi.local.components import name_server
from audifi.local.ports import LOOPBACK
from audifi.targets import catalogue
from audifi.topology.declaration import platform

ZONE: Final = "audifi.io"
ANSWER_WITHIN_S: Final = 2.0


@dataclass(frozen=True)
class Record:
    """A line of the design."""

    promise: str
    name: str  # "@" is the zone itself
    type: str
    fits: str  # what every value looks like


RECORDS: Final = (
    Record("dns-apex", "@", "A", r"76\.76\.21\.\d+"),
    Record("dns-www", "www", "CNAME", r"audifi\.io\."),
    Record("dns-app", "app", "CNAME", r"cname\.vercel-dns\.com\."),
    Record("dns-dmarc", "_dmarc", "TXT", r'"v=DMARC1; p=(?:quarantine|reject);.*"'),
    Record("dns-mx", "@", "MX", r"\d+ (?:mx\.sendgrid\.net\.|.*amazonaws\.com\.)"),
    Record("dns-spf", "@", "TXT", r'"v=spf1 include:\S+ [~-]all"'),
)


def _asked(record: Record, *, is_missing: bool) -> Measure:
    async def measure(stage: Stage) -> float:
        del stage  # the zone is production's: no name of one machine is in it
        text = next(
            file.text for file in catalogue.render("dns", platform("production")) if file.path.endswith(".zone")
        )
        zone_text = _without(record, text) if is_missing else text
        with tempfile.TemporaryDirectory() as directory:
            async with name_server.serving(Path(directory), ZONE, zone_text) as port:
                values = await _values(record, port)
        return float(bool(values) and all(re.fullmatch(record.fits, value) for value in values))

    return measure


async def _values(record: Record, port: int) -> list[str]:
    question = dns.message.make_query(ZONE if record.name == "@" else f"{record.name}.{ZONE}", record.type)
    try:
        answer = await dns.asyncquery.udp(question, LOOPBACK, port=port, timeout=ANSWER_WITHIN_S)
    except dns.exception.DNSException as error:
        raise Mismatch(f"{record.type} {record.name}: {type(error).__name__}: {error}") from error
    found: Any = answer.answer  # its sets have no types
    return [str(value.to_text()) for values in found for value in values]


def _without(record: Record, zone_text: str) -> str:
    line = re.compile(rf"^{re.escape(record.name)} \d+ IN {record.type} ")
    return "".join(each for each in zone_text.splitlines(keepends=True) if not line.match(each))


PROBES: Final = tuple(
    Probe(
        name=record.promise,
        measure=_asked(record, is_missing=False),
        sabotage=Weakened(removes="the record is not in the zone", measure=_asked(record, is_missing=True)),
    )
    for record in RECORDS
)
