"""The application on a domain of its own, which the API allows; other domains are refused."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from devstack.node import find_node
from devstack.ports import free_port
from devstack.supabase import LocalSupabase
from tests.e2e.site import SAMPLE, Site
from tests.e2e.steps import add_item, sign_in
from tests.support.processes import serving

pytestmark = pytest.mark.slow


async def test_only_a_domain_that_the_api_allows_can_use_it(
    page: Page, copy: Path, committed_url: str, supabase: LocalSupabase
) -> None:
    port, api_port = free_port(), free_port()
    api = f"http://127.0.0.1:{api_port}"
    settings = {"DATABASE_URL": committed_url, "CORS_ORIGINS": f"http://localhost:{port}"}
    assert find_node().run("run", "--silent", "build", cwd=copy, env={"VITE_API_URL": api}) == 0
    cdn = {"CDN_BUILD": str(copy / "build"), "CDN_API": api}
    async with (
        serving("app.main:app", f"--port={api_port}", **settings),
        serving("tests.e2e.elsewhere:app", f"--port={port}", **cdn),
    ):
        site = Site.at(settings["CORS_ORIGINS"], supabase)
        account = await sign_in(page, site)
        await page.goto(site.address("/account"))
        await expect(page.get_by_text(account.email)).to_be_visible()
        if SAMPLE.exists():
            await page.goto(site.address("/items"))
            await add_item(page, "Assam")

        # The same server under a name that the API does not know.
        await page.goto(Site.at(f"http://127.0.0.1:{port}", supabase).address("/sign-in"))
        await expect(page.get_by_role("alert")).to_contain_text("unreachable")
