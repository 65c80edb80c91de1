"""A real browser, the production build of `web/`, and the real API, worker, database and Auth.

A failed test leaves a screenshot and a trace (`playwright show-trace FILE`) in web/build/failures.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from devstack.node import reason_not_to_run
from devstack.supabase import LocalSupabase
from tests.e2e.site import BUILD, SANDBOX, WEB, Chromium, Site
from tests.support.processes import PROJECT, Process, serving

FAILURES = BUILD / "failures"
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
# Long enough for a busy machine: a page that is there needs none of it.
MILLISECONDS = 20_000
expect.set_options(timeout=MILLISECONDS)
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether a test failed, for the fixture of its page."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def built() -> Path:
    """The production build of the application as it is now."""
    if reason := reason_not_to_run(PROJECT):
        pytest.skip(f"The frontend is {reason}.")
    with (WEB / "node_modules/.build-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several processes of pytest, one builds
        if not _is_current():
            command = [sys.executable, "-m", "app", "web", "build"]
            done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
    return BUILD


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """The frontend of the build, in a folder that a test may change."""
    left_out = shutil.ignore_patterns("node_modules", "build", ".react-router")
    folder = shutil.copytree(WEB, tmp_path / "web", ignore=left_out)
    (folder / "node_modules").symlink_to(WEB / "node_modules")
    return folder


def _is_current() -> bool:
    """Whether no source is newer than the build."""
    facts = BUILD / "policy.json"
    if not facts.exists():
        return False
    roots = [WEB / "app", WEB / "public", WEB / "scripts", PROJECT / "app"]
    sources = [file for root in roots for file in root.rglob("*") if "client" not in file.parts]
    return facts.stat().st_mtime > max(
        file.stat().st_mtime
        for file in (*sources, *WEB.glob("*.ts"), *WEB.glob("*.json"))
        if file.is_file() and file.suffix != ".pyc" and file.name != "openapi.json"
    )


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Chromium]:
    """Chromium: of CHROMIUM, of the PATH, or of Playwright."""
    async with async_playwright() as playwright:
        own = playwright.chromium.executable_path
        program = os.environ.get("CHROMIUM") or shutil.which("chromium") or own
        if not Path(program).exists():
            pytest.skip("There is no Chromium: run `uv run playwright install chromium`.")
        yield Chromium(playwright.chromium, program)


@pytest.fixture(scope="session")
async def browser(chromium: Chromium) -> AsyncIterator[Browser]:
    """A browser for all tests, with a context for each."""
    browser = await chromium.kind.launch(executable_path=chromium.program, args=SANDBOX)
    yield browser
    await browser.close()


@pytest.fixture(scope="session")
async def site(
    built: Path, worker: Process, committed_url: str, supabase: LocalSupabase
) -> AsyncIterator[Site]:
    """The API that serves the build, beside the worker of the tests."""
    async with serving("app.main:app", DATABASE_URL=committed_url, FRONTEND_FOLDER=str(built)) as (
        client,
        _,
    ):
        yield Site.at(str(client.base_url).rstrip("/"), supabase)


@pytest.fixture
def mails_first(site: Site) -> Iterator[LocalSupabase]:
    """The local Supabase, where new addresses have to be confirmed by mail."""
    state = site.supabase.app.state
    before = state.services
    state.services = replace(before, autoconfirm=False)
    yield site.supabase
    state.services = before


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A desktop and a phone. A test that needs only one of them asks for `context` alone."""
    found: dict[str, Any] = DEVICES[request.param]
    return found


@pytest.fixture
async def context(
    browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[BrowserContext]:
    """A browser without cookies and stored values."""
    names = request.fixturenames
    options = request.getfixturevalue("device") if "device" in names else DEVICES["desktop"]
    context = await browser.new_context(**options)
    context.set_default_timeout(MILLISECONDS)
    await context.tracing.start(screenshots=True, snapshots=True)
    yield context
    if not request.node.stash.get(FAILED, False):
        await context.close()
        return
    FAILURES.mkdir(parents=True, exist_ok=True)
    name = request.node.name.replace("/", "-")
    for number, page in enumerate(context.pages):
        await page.screenshot(path=FAILURES / f"{name}-{number}.png", full_page=True)
    await context.tracing.stop(path=FAILURES / f"{name}.zip")
    await context.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A tab. The test fails if a script raised an error, or if the policy refused something."""
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    assert faults == []
