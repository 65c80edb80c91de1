"""Lighthouse: accessibility and best practices of the production build, without a network."""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from devstack.node import find_node
from devstack.ports import free_port
from tests.e2e.site import SANDBOX, WEB, Chromium, Site
from tests.e2e.steps import sign_in

pytestmark = pytest.mark.slow

PROGRAM = WEB / "node_modules/lighthouse/cli/index.js"
CATEGORIES = ("accessibility", "best-practices")
LOWEST = 0.95


async def complaints(address: str, port: int) -> list[str]:
    """What lowers the scores of a page below the lowest one, in the browser with this port."""
    process = await asyncio.create_subprocess_exec(
        *(find_node().program, PROGRAM, address, f"--port={port}", "--disable-storage-reset"),
        *(f"--only-categories={','.join(CATEGORIES)}", "--output=json", "--quiet"),
        "--no-enable-error-reporting",
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    report = json.loads(output)
    assert report["finalDisplayedUrl"] == address, "another page was measured"
    found = {name: report["categories"][name] for name in CATEGORIES}
    return [
        f"{name} {category['score']}: {report['audits'][each['id']]['title']}"
        for name, category in found.items()
        if category["score"] < LOWEST
        for each in category["auditRefs"]
        if each["weight"] and report["audits"][each["id"]]["score"] not in (1, None)
    ]


async def test_pages_have_the_best_scores(chromium: Chromium, site: Site, tmp_path: Path) -> None:
    port = free_port()
    arguments = [*SANDBOX, f"--remote-debugging-port={port}"]
    context = await chromium.kind.launch_persistent_context(
        tmp_path, executable_path=chromium.program, args=arguments
    )
    assert await complaints(site.address("/sign-in"), port) == []
    page = await context.new_page()
    await sign_in(page, site)
    await page.goto(site.address("/account"))
    await expect(page.get_by_label("Display name")).to_be_visible()
    assert await complaints(site.address("/account"), port) == []
    await context.close()
