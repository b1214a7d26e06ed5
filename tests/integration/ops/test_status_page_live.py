"""The status page of a running connector: real figures, and device ids that try to be markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.processes import wait_for
from tests.acceptance.world import World, settled, world
from tests.integration.ops.chromium import BINARY, chromium
from tests.kafka.client import Kafka

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(BINARY is None, reason="no Chromium: apt-get install chromium"),
]

GOOD = 300
EVIL = ["<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=2>", "someone@example.com"]
FAULTS = {
    "batch_refused": [{"prefix": EVIL[0]}],
    "device_failed": [{"prefix": EVIL[1]}],
    "job_failed": [{"prefix": EVIL[2], "message": f"no such device: {EVIL[0]} {EVIL[2]}"}],
}


@pytest.fixture
def here(kafka: Kafka, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, kafka, faults=FAULTS, partitions=2) as made:
        devices = [*(f"d{number}" for number in range(GOOD)), *EVIL]
        values = [(device, {"type": "tags", "hwid": device, "tags": {"plan": "pro"}}) for device in devices]
        made.kafka.produce(
            made.topic, ((device.encode(), json.dumps(value).encode(), None, []) for device, value in values)
        )
        yield made


async def test_the_page_of_a_running_connector_has_its_figures_and_names_no_device(
    here: World, tmp_path: Path
) -> None:
    connector = here.run()
    wait_for(lambda: settled(connector) == GOOD + len(EVIL), 60, "the end of the work")
    async with chromium(tmp_path / "profile") as page:
        await page.look_like(1280, 1180)
        await page.open(f"http://127.0.0.1:{connector.port}/status")
        await page.until(f"document.getElementById('t-refused')?.textContent === '{len(EVIL)}'")
        status = connector.status()
        await page.js("document.getElementById('configuration-details').open = true")
        shown = await page.js(
            "Object.fromEntries([...document.querySelectorAll('#settled tr, #reasons tr')]"
            ".map(row => [row.cells[0].textContent, row.cells[2]?.textContent]))"
        )
        counts = {**status["settled"], **status["dead_letters"]}
        assert shown == {name.replace("_", " "): str(count) for name, count in counts.items() if count}
        places = await page.js(
            "[...document.querySelectorAll('#partitions tr')]"
            ".map(row => [...row.cells].map(cell => cell.textContent))"
        )
        assert [[each[0], each[1], each[2], each[4]] for each in places] == [
            [here.topic, str(each["partition"]), str(each["position"]), str(each["backlog"])]
            for each in status["partitions"]
        ]
        everything = str(await page.js("document.body.innerText"))
        assert here.topic in everything
        assert here.group in everything
        for device in (*EVIL, "window.hacked"):
            assert device not in everything
            assert device not in json.dumps(status)
        assert await page.js("window.hacked") is None
        assert page.complaints == []
