"""The status page in a real browser."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from connector.ops.admin import AdminServer
from connector.ops.metrics import Metrics
from connector.ops.status import PartitionView, State
from tests.integration.ops.chromium import BINARY, Page, chromium
from tests.unit.ops.provider import REQUEST_ID, Provider, busy, cut_off, halted

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(BINARY is None, reason="no Chromium: apt-get install chromium"),
]

_SHOWN = "!['starting', undefined].includes(document.getElementById('state')?.dataset.state)"
_FOCUSED = (
    "(at => at.id || at.textContent.trim().slice(0, 12) || at.getAttribute('aria-labelledby'))"
    "(document.activeElement)"
)
DASH = "\u2013"
# Where a person wants to see the pictures: a folder, else they are thrown away with the test's own.
_PICTURES = os.environ.get("STATUS_PAGE_PICTURES")


class Shown(NamedTuple):
    """The page in a browser, and what feeds it."""

    page: Page
    provider: Provider
    server: AdminServer
    url: str

    async def cell(self, css: str) -> str:
        """Return the text of the first element that fits."""
        return str(await self.page.js(f"document.querySelector({css!r}).textContent"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """One browser for all tests: it takes longer to start than a test."""
    async with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def shown(tab: Page) -> AsyncIterator[Shown]:
    provider = Provider()
    registry = CollectorRegistry()
    Metrics(registry).gauges_from(provider.status)
    server = AdminServer("127.0.0.1", 0, provider, registry)
    await server.start()
    url = f"http://127.0.0.1:{server.port}"
    try:
        await tab.look_like(1280, 1180)
        tab.complaints.clear()
        await tab.open(f"{url}/status")
        await tab.until(_SHOWN)
        yield Shown(tab, provider, server, url)
        await tab.open("about:blank")
        await tab.until("location.href === 'about:blank'")
    finally:
        await server.stop()


def picture(tmp_path: Path, name: str) -> Path:
    return Path(_PICTURES or tmp_path) / name


async def test_the_figures_agree_with_status_json(shown: Shown) -> None:
    async with httpx.AsyncClient() as client:
        status = (await client.get(f"{shown.url}/status.json")).json()
    backlog = sum(each["backlog"] for each in status["partitions"])
    assert await shown.cell("#t-backlog") == f"{backlog:,}"
    assert await shown.cell("#t-confirmed") == f"{status['rates']['confirmed']:,.0f}"
    assert await shown.cell("#t-jobs") == str(sum(status["jobs_in_flight"].values()))
    assert await shown.cell("#t-refused") == f"{status['settled']['dead_letter']:,}"
    rows = await shown.page.js(
        "[...document.querySelectorAll('#partitions tr')].map(row => row.cells[2].textContent)"
    )
    assert rows == [f"{each['position']:,}" for each in status["partitions"]]
    reasons = await shown.page.js(
        "Object.fromEntries([...document.querySelectorAll('#reasons tr')]"
        ".map(row => [row.cells[0].textContent, row.cells[2].textContent]))"
    )
    assert reasons == {name.replace("_", " "): f"{n:,}" for name, n in status["dead_letters"].items()}
    assert shown.page.complaints == []


async def test_the_page_refreshes_itself_without_a_reload_and_keeps_the_focus(shown: Shown) -> None:
    await shown.page.js(
        "window.same = true; document.querySelector('summary').focus();"
        "document.querySelector('details').open = true"
    )
    shown.provider.now.settled["dead_letter"] = 777
    await shown.page.until("document.getElementById('t-refused').textContent === '777'")
    assert await shown.page.js("window.same && document.querySelector('details').open")
    assert await shown.page.js("document.activeElement.tagName") == "SUMMARY"


async def test_names_from_outside_are_text_and_never_markup(shown: Shown) -> None:
    evil = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
    status = shown.provider.now
    status.partitions = [PartitionView(topic=evil, partition=0)]
    status.group = status.member = status.version = evil
    status.configuration = {evil: {evil: evil}}
    status.dead_letters = {evil: 3}
    status.errors = [msgspec.structs.replace(status.errors[0], what=evil)]
    status.halts = [msgspec.structs.replace(halted().halts[0], message=evil, mend=evil)]
    await shown.page.until(f"document.querySelector('#partitions td').textContent === {evil!r}")
    assert await shown.page.js("window.hacked") is None
    assert await shown.page.js("document.querySelectorAll('main img, main script').length") == 0
    assert shown.page.complaints == []


async def test_a_script_that_was_smuggled_in_would_not_run_and_would_be_seen_here(shown: Shown) -> None:
    await shown.page.js(
        "{const one = document.createElement('script');"
        "one.textContent = 'window.hacked = 1'; document.body.append(one)}"
    )
    await shown.page.until("true")
    assert await shown.page.js("window.hacked") is None
    assert any("Content Security Policy" in each for each in shown.page.complaints)


async def test_a_halt_a_closed_gate_and_kafkas_troubles_say_what_to_do(shown: Shown, tmp_path: Path) -> None:
    shown.provider.now = halted()
    await shown.page.until("document.getElementById('state').dataset.state === 'halted'")
    text = await shown.cell("#banners")
    assert "Halted: unauthorized" in text
    assert "check pushwoosh.token" in text
    assert "503 Service Unavailable" in text
    assert "create the topic" in text
    for each in (*shown.provider.now.halts, *shown.provider.now.troubles, shown.provider.now.gate):
        assert each is not None
        at = await shown.page.js(f"new Date({each.since} * 1000).toLocaleString()")
        assert f"Since {at}." in text
    await shown.page.screenshot(picture(tmp_path, "halted.png"))


async def test_everything_can_be_reached_and_used_by_keyboard(shown: Shown) -> None:
    await shown.page.js("document.body.tabIndex = -1; document.body.focus()")
    visited = []
    for _ in range(12):
        await shown.page.press("Tab", 9)
        visited.append(await shown.page.js(_FOCUSED))
        if visited[-1] == "freeze":
            await shown.page.press("Enter", 13, "\r")
            assert await shown.page.js("document.activeElement.getAttribute('aria-pressed')") == "true"
            await shown.page.press("Enter", 13, "\r")
        if str(visited[-1]).startswith("Effective"):
            await shown.page.press("Enter", 13, "\r")
            assert await shown.page.js("document.querySelector('details').open")
    assert visited[:2] == ["Skip to the ", "freeze"]
    assert {"status.json", "metrics", "readyz", "livez"} <= set(visited)
    assert any(str(each).startswith("Effective") for each in visited)


async def test_a_frozen_page_asks_for_nothing(shown: Shown) -> None:
    await shown.page.js("document.getElementById('freeze').click()")
    await shown.page.until("document.getElementById('updated').textContent.startsWith('frozen')")
    asked = shown.provider.asked
    # Timers of the page run in order: this one is later than a refresh would have been.
    await shown.page.js("setTimeout(() => { window.later = true }, 2500)")
    await shown.page.until("window.later")
    assert shown.provider.asked == asked
    await shown.page.js("document.getElementById('freeze').click()")
    await shown.page.until("document.getElementById('updated').textContent.startsWith('updated')")
    assert shown.provider.asked > asked


async def test_the_page_says_when_the_connector_does_not_answer_and_recovers(shown: Shown) -> None:
    await shown.server.stop()
    await shown.page.until("document.getElementById('state').dataset.state === 'unreachable'")
    assert "does not answer" in await shown.cell("#banners")
    again = AdminServer("127.0.0.1", shown.server.port, shown.provider, CollectorRegistry())
    await again.start()
    await shown.page.until("document.getElementById('state').dataset.state === 'running'")
    assert await shown.cell("#banners") == ""
    await again.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_shows_everything_without_scrolling_sideways(
    shown: Shown, tmp_path: Path, scheme: str
) -> None:
    await shown.page.look_like(375, 1900, scheme, mobile=True)
    await shown.page.until("innerWidth === 375")
    assert await shown.page.js("document.documentElement.scrollWidth") == 375
    assert await shown.page.js(
        "[...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth + 1)"
    )
    hidden = await shown.page.js(
        "[...document.querySelectorAll('#partitions td, #jobs td')]"
        ".filter(cell => !cell.getBoundingClientRect().width || cell.scrollWidth > cell.clientWidth + 1)"
        ".length"
    )
    assert hidden == 0, "position, end, progress and all else that a wide screen shows"
    label = "getComputedStyle(document.querySelector('#partitions td:nth-child(3)'), '::before').content"
    assert await shown.page.js(label) == '"Position"'
    await shown.page.screenshot(picture(tmp_path, f"phone-{scheme}.png"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_enough_contrast_in_both_schemes(shown: Shown, tmp_path: Path, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for every colour that text has, on every ground that it stands on."""
    await shown.page.look_like(1280, 1180, scheme)
    colours = await shown.page.js(
        "Object.fromEntries(['page','card','ink','soft','blue','green','amber','red','amber-back','red-back','track']"
        ".map(n => [n, getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim()]))"
    )
    for ground in ("page", "card"):
        for ink in ("ink", "soft", "blue", "green", "amber", "red"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (scheme, ink, ground)
    for ink, ground in (("amber", "amber-back"), ("red", "red-back"), ("ink", "red-back"), ("soft", "track")):
        assert contrast(colours[ink], colours[ground]) >= 4.5, (scheme, ink, ground)
    await shown.page.screenshot(picture(tmp_path, f"wide-{scheme}.png"))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def test_a_connector_that_just_started_says_so_instead_of_showing_nothing(shown: Shown) -> None:
    fresh = busy()
    fresh.state, fresh.out_of_sight = State.STARTING, True
    fresh.partitions, fresh.jobs, fresh.errors, fresh.jobs_in_flight = [], [], [], {}
    fresh.settled, fresh.dead_letters = {}, {}
    fresh.rates = type(fresh.rates)()
    shown.provider.now = fresh
    await shown.page.until("document.querySelector('#partitions').textContent.includes('No partitions')")
    assert "has not joined" in await shown.cell("#partitions")
    assert await shown.cell("#t-oldest-where") == "not known now"
    assert shown.page.complaints == []


async def test_a_spare_replica_has_nothing_to_do_and_says_so(shown: Shown) -> None:
    shown.provider.now.partitions = []
    await shown.page.until("document.querySelector('#partitions').textContent.includes('spare replica')")
    assert await shown.cell("#t-backlog") == "0"
    assert await shown.cell("#t-oldest-where") == "nothing waits"


async def test_what_is_not_known_while_kafka_is_down_is_not_said_to_be_nothing(
    shown: Shown, tmp_path: Path
) -> None:
    shown.provider.now = cut_off()
    await shown.page.until("document.getElementById('state').dataset.state === 'halted'")
    assert (await shown.cell("#t-backlog"), await shown.cell("#t-oldest")) == (DASH, DASH)
    assert await shown.cell("#t-backlog-of") == await shown.cell("#t-oldest-where") == "not known now"
    assert "Kafka is in trouble" in await shown.cell("#partitions")
    assert "spare" not in await shown.cell("#partitions")
    await shown.page.screenshot(picture(tmp_path, "cut-off.png"))


async def test_what_was_read_before_kafka_went_down_keeps_its_age(shown: Shown) -> None:
    shown.provider.now.out_of_sight = True
    await shown.page.until("document.getElementById('t-backlog').textContent === '\\u2013'")
    assert await shown.cell("#t-oldest-where") == "device-registrations/3"


async def test_what_is_refused_and_not_yet_written_stands_beside_the_dead_letters(shown: Shown) -> None:
    assert await shown.cell("#t-refused-share") == "and 7 not written yet"
    rows = "[...document.querySelectorAll('#owed tr')].map(row => [...row.cells].map(cell => cell.innerText))"
    assert await shown.page.js(rows) == [["tag refused", "", "7"]]
    shown.provider.now.dead_letters_owed.clear()
    await shown.page.until("document.getElementById('owed-part').hidden")
    assert await shown.cell("#t-refused-share") == "0.24 % of all settled"


async def test_no_request_id_is_shown_whole(shown: Shown) -> None:
    text = await shown.page.js("document.documentElement.outerHTML")
    assert REQUEST_ID[4:] not in text
    assert "4f0c8f3e…" in text
