"""Write the ledger as one HTML file that needs nothing else: results/ledger.html.

Between: drills.ledger (rows), drills.drawing (timelines), cli.prove (writes the file).
Shape: < 300 kB: a summary, what is not green, every promise with its measures, a drawing for each drill.
Invariant: no script, no external resource; readable on a phone and in the dark; everything of the evidence is escaped.
Errors: none.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from audifi.drills.drawing import drawing
from audifi.drills.ledger import Outcome, Row
from audifi.drills.page import counted, margin, measured, promised, summary
from audifi.topology.model.promise import DRILL

STYLE: Final = """\
:root{color-scheme:light dark;--ink:#1b1f24;--quiet:#59636e;--line:#d8dee4;--ground:#fff;--card:#f6f8fa;--good:#1a7f37;
--bad:#cf222e;--open:#9a6700;--mark:#0969da}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9198a1;--line:#30363d;--ground:#0d1117;--card:#161b22;
--good:#3fb950;--bad:#f85149;--open:#d29922;--mark:#58a6ff}}
*{box-sizing:border-box}body{overflow-wrap:anywhere}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}
p{margin:.4rem 0}a{color:var(--mark)}.quiet,small{color:var(--quiet)}.counts{display:flex;gap:.5rem;flex-wrap:wrap}
.counts b{display:block;font-size:1.8rem;line-height:1.2}.counts div{flex:1 1 6rem;background:var(--card);
border:1px solid var(--line);border-radius:.5rem;padding:.5rem .8rem}article{border-top:1px solid var(--line);
padding:.6rem 0;display:grid;grid-template-columns:6rem minmax(0,1fr);gap:0 1rem}article p{grid-column:2}
article h3{font-size:1rem;margin:0;grid-column:2}article>span{grid-row:1/span 4;font-weight:600}
.holds{color:var(--good)}.broken{color:var(--bad)}.unproven{color:var(--open)}code{font-size:.85em}
.measured{font-variant-numeric:tabular-nums}svg{width:100%;height:auto;background:var(--card);border-radius:.4rem}
svg text{font:11px system-ui,sans-serif;fill:var(--quiet)}.l{stroke:var(--quiet);stroke-width:2}
.t{stroke:var(--line)}.x{stroke:var(--bad);stroke-width:8;opacity:.55}.d{fill:var(--open)}.f{fill:var(--mark)}
.h{fill:var(--quiet)}.r{fill:var(--good)}.key span{display:inline-block;margin-right:1rem}.key i{display:inline-block;
width:.7rem;height:.7rem;border-radius:50%;margin-right:.3rem}@media(max-width:30rem){article{grid-template-columns:minmax(0,1fr)}
article>span,article h3,article p{grid-column:1;grid-row:auto}}@media print{body{max-width:none}}
"""
KEY: Final = (
    '<p class="key quiet"><span><i style="background:var(--bad)"></i>requests failed</span>'
    '<span><i style="background:var(--open)"></i>detected</span>'
    '<span><i style="background:var(--mark)"></i>failed over</span>'
    '<span><i style="background:var(--quiet)"></i>healed</span>'
    '<span><i style="background:var(--good)"></i>recovered</span>'
    "<span>right: longest outage at the client; scale: seconds after the fault</span></p>"
)


def sheet(rows: Sequence[Row], facts: Mapping[str, Any]) -> str:
    """The whole file."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>AudiFi: what is proven</title><style>{STYLE}</style></head><body>\n"
        f"{_head(rows, facts)}{_parts(rows)}{_timelines(rows)}</body></html>\n"
    )


def _head(rows: Sequence[Row], facts: Mapping[str, Any]) -> str:
    machine = facts["machine"]
    where = f"{machine['cores']} cores, {machine['memory_gib']:g} GiB, {machine['cpu']}"
    boxes = "".join(f'<div><b class="{outcome}">{count}</b>{outcome}</div>' for outcome, count in counted(rows).items())
    return (
        f'<h1>What is proven</h1><p>{escape(summary(rows))}</p><div class="counts">{boxes}</div>'
        f'<p class="quiet">Commit <code>{escape(facts["commit"])}</code>, {escape(facts["date"])}, {escape(where)}. '
        "Only <b>holds</b> is green: measured on this commit, with a control run that holds and a sabotage run that "
        "breaks.</p>\n"
    )


def _parts(rows: Sequence[Row]) -> str:
    titles = ((Outcome.BROKEN, "Broken"), (Outcome.HOLDS, "Holds"), (Outcome.UNPROVEN, "Unproven"))
    parts = ((title, [row for row in rows if row.outcome is outcome]) for outcome, title in titles)
    return "".join(f"<h2>{title}</h2>\n{''.join(map(_article, found))}" for title, found in parts if found)


def _article(row: Row) -> str:
    promise = row.promise
    lines = [f"“{escape(promise.sentence)}” <small>{escape(promise.source)}</small>", _measured(row)]
    if row.reason:
        lines.append(f'<span class="quiet">{escape(row.reason)}</span>')
    body = "".join(f"<p>{line}</p>" for line in lines)
    return (
        f'<article id="{escape(promise.name)}"><span class="{row.outcome}">{row.outcome}</span>'
        f"<h3>{escape(promise.name)}</h3>{body}</article>\n"
    )


def _measured(row: Row) -> str:
    told = [f"promised {escape(promised(row))}"]
    if row.measured is not None:
        runs = f" ({row.measured.runs} runs: min, median, max)" if row.measured.runs > 1 else ""
        told.append(f"measured <b>{escape(measured(row))}</b>{runs}")
    if row.margin_percent is not None:
        told.append(f"margin {margin(row)}")
    told.append(_proof(row))
    told += [f"<code>{escape(file)}</code>" for file in row.files]
    return f'<span class="measured">{"; ".join(told)}</span>'


def _proof(row: Row) -> str:
    proof = row.promise.proof
    if row.timelines and proof.startswith(DRILL):
        return f'<a href="#{_anchor(proof)}">{escape(proof)}</a>'
    return escape(proof)


def _timelines(rows: Sequence[Row]) -> str:
    drills: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        for timeline in row.timelines:
            known = drills.setdefault(str(timeline["proof"]), [])
            if timeline not in known:
                known.append(timeline)
    drawn = [(proof, drawing(found)) for proof, found in sorted(drills.items())]
    told = "".join(f'<h3 id="{_anchor(proof)}">{escape(proof)}</h3>{picture}\n' for proof, picture in drawn if picture)
    return f"<h2>Timelines</h2>{KEY}{told}" if told else ""


def _anchor(proof: str) -> str:
    return escape(proof.replace(" ", "-"))
