"""What pages and rolls ask is found by indexes: no sequential scan with 200,000 events."""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.component.analytics.driver import World, midday, now
from tests.component.analytics.story import Story

from audifi.kernel.ids import new_id
from audifi.services.analytics.rules import periods
from audifi.services.analytics.store import events, exports, marks, reports, rollups

pytestmark = pytest.mark.asyncio(loop_scope="session")

ARTISTS, EVENTS, STEP, DAYS = 250, 200_000, 10_000, 60

_MASTERS = """
INSERT INTO analytics.masters (master_id, artist_id, title, status)
SELECT gen_random_uuid(), artist, 'filler', 'LISTED'
  FROM (SELECT gen_random_uuid() AS artist FROM generate_series(1, $1)) AS artists, generate_series(1, 4)
"""
_EVENTS = """
INSERT INTO analytics.analytics_events
       (event_id, created_at, type, is_lasting, artist_id, master_id, session_id, visitor)
SELECT gen_random_uuid(), now() - make_interval(secs => random() * $2 * 86400),
       (ARRAY['view', 'play', 'search', 'share.minted', 'session_view'])[kind], kind = 4,
       CASE WHEN kind <> 3 THEN artist_id END, CASE WHEN kind <> 3 THEN master_id END,
       CASE WHEN kind = 5 THEN artist_id END, decode(md5(n::text), 'hex')
  FROM (SELECT n, 1 + n % 5 AS kind, 1 + (random() * 999)::int AS which FROM generate_series(1, $1) n) AS made
  JOIN (SELECT row_number() OVER () AS which, master_id, artist_id FROM analytics.masters WHERE title = 'filler') AS m
 USING (which)
"""
_DAYS = """
INSERT INTO analytics.daily_master_stats (master_id, day, artist_id, views)
SELECT master_id, current_date - n, artist_id, 1 FROM analytics.masters, generate_series($1::int, $1 + 9) n
 WHERE title = 'filler' ON CONFLICT DO NOTHING
"""
_ARTIST_DAYS = """
INSERT INTO analytics.daily_artist_stats (artist_id, day, views)
SELECT DISTINCT artist_id, day, 4 FROM analytics.daily_master_stats ON CONFLICT DO NOTHING
"""
_SUMMARIES = """
INSERT INTO analytics.artist_summaries (period, artist_id, through, views, shares_sold, volume_wei)
SELECT period, artist_id, current_date, 4, 0, 0
  FROM (SELECT DISTINCT artist_id FROM analytics.masters WHERE title = 'filler') AS a,
       unnest(ARRAY['week', 'month', 'all_time']) AS period ON CONFLICT DO NOTHING
"""
_HOLDINGS = """
INSERT INTO analytics.holdings (master_id, wallet, artist_id, shares)
SELECT master_id, '0x' || n, artist_id, 1 FROM analytics.masters, generate_series(1, 20) n WHERE title = 'filler'
"""
_FILLED = ("analytics_events", "daily_master_stats", "daily_artist_stats", "artist_summaries", "holdings", "masters")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(world: World) -> AsyncGenerator[None]:
    """Many artists; they go again, because other tests roll whatever there is."""
    await world.execute(_MASTERS, ARTISTS)
    for _ in range(EVENTS // STEP):
        await world.execute(_EVENTS, STEP, DAYS)
    for day in range(0, DAYS, 10):
        await world.execute(_DAYS, day)
    for statement in (_ARTIST_DAYS, _SUMMARIES, _HOLDINGS):
        await world.execute(statement)
    for table in _FILLED:
        await world.execute(f"ANALYZE analytics.{table}")
    yield
    # And the platform's days with them: they count events of other tests that are gone now.
    emptied = (*_FILLED, "platform_daily")
    await world.execute(f"TRUNCATE {', '.join(f'analytics.{table}' for table in emptied)}")


def questions(story: Story) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """Every statement a page or a roll runs often, with arguments."""
    day, first = midday(5).date(), midday(35).date()
    begins, ends = periods.begins(day), periods.begins(midday(4).date())
    artist, master, session = story.artist_id, story.master_id, story.session_id
    own = (artist, day, begins, ends)
    start = (midday(400).date(), new_id())
    return {
        "master total": (reports.MASTER_TOTAL, (first, day, master)),
        "artist total": (reports.ARTIST_TOTAL, (first, day, artist)),
        "platform total": (reports.PLATFORM_TOTAL, (first, day)),
        "session total": (reports.SESSION_TOTAL, (session,)),
        "artist days": (reports.ARTIST_DAYS, (first, day, artist)),
        "sessions": (reports.SESSIONS, (first, day, artist)),
        "top": (reports.TOP.format(column="volume_wei"), ("month", 20)),
        "top by views": (reports.TOP.format(column="views"), ("month", 20)),
        "activity": (reports.ACTIVITY, (now(), 20)),
        "sales": (reports.SALES, (master, midday(365), now(), 20, 0)),
        "span": (reports.SPAN, (session,)),
        "engagement": (reports.ENGAGEMENT, (session, 60.0)),
        "export of one": (exports.ROWS_OF_ARTIST, (first, day, *start, 2000, artist)),
        "export of all": (exports.ROWS_OF_ALL, (first, day, *start, 2000)),
        "roll of masters": (rollups.MASTER_DAY, own),
        "roll of sessions": (rollups.SESSION_DAY, own),
        "roll of an artist": (rollups.ARTIST_DAY, own),
        "roll of the platform": (rollups.PLATFORM_DAY, (day, begins, ends)),
        "summary": (rollups.SUMMARISE, ("month", first, day, [artist])),
        "marks": (marks.TAKE, (now(), 50)),
        "user": (events.FORGET_USER, (new_id(), b"x")),
    }


# Tables of a few rows are scanned whatever their indexes are: pages of the platform have one row a day.
SMALL = {"platform_daily", "session_stats", "dirty_days", "exports"}


@pytest.mark.usefixtures("filled")
async def test_no_hot_statement_scans_a_table(world: World) -> None:
    scans: dict[str, list[str]] = {}
    for name, (statement, arguments) in questions(Story()).items():
        async with world.database.transaction() as tx:
            plan = msgspec.json.decode(await tx.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments))
        found = [node["Relation Name"] for node in _nodes(plan[0]["Plan"]) if node["Node Type"] == "Seq Scan"]
        large = [table for table in found if table not in SMALL and not await _is_empty(world, table)]
        if large:
            scans[name] = large
    assert not scans


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", []) for node in _nodes(inner))]


async def _is_empty(world: World, table: str) -> bool:
    # An empty partition (a month ahead) is scanned, because nothing is cheaper than reading nothing.
    return await world.value(f"SELECT count(*) FROM (SELECT FROM analytics.{table} LIMIT 500) t") < 500  # noqa: S608
