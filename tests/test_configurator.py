"""docs/configurator.html in a browser: its command, and what it says that options bring."""

import re
import shlex
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from scripts.declaration import load_options
from support.rendering import Render, tree
from support.snapshot import ROOT

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="apt-get install chromium"),
    pytest.mark.xdist_group("configurator"),
]


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    """The page from the file, without any network."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("requestfailed", lambda request: problems.append(request.url))
        yield page
        browser.close()
        assert problems == []


@pytest.fixture
def page(browser_page: Page) -> Page:
    browser_page.goto((ROOT / "docs/configurator.html").as_uri())
    return browser_page


def command(page: Page) -> list[str]:
    return shlex.split(page.locator("#command").inner_text())


def test_defaults_give_the_shortest_command(page: Page) -> None:
    assert command(page) == ["uvx", "--from", "git+$TEMPLATE", "new", "my-shop", "--defaults"]
    page.locator("#launcher").uncheck()
    assert command(page) == ["uvx", "copier", "copy", "--defaults", "git+$TEMPLATE", "my-shop"]


def test_answers_are_quoted_and_options_differ_from_their_preset(page: Page) -> None:
    page.locator("#template").fill("https://example.com/t.git")
    page.locator("#dest").fill("bob's shop")
    page.locator("#q-description").fill("It's $HOME")
    page.locator("#q-license").select_option("MIT")
    page.locator("#q-tools").select_option(["mise", "direnv"])
    page.locator("#o-cache").check()
    page.locator("#o-admin").uncheck()
    before, after = command(page)[:6], command(page)[6:]
    address = ["uvx", "--from", "git+https://example.com/t.git", "new"]
    assert before == [*address, "bob's shop", "--defaults"]
    assert after[1::2] == [
        "description=It's $HOME",
        "license=MIT",
        "tools=[mise, direnv]",
        "admin=false",
        "cache=true",
    ]
    assert set(after[::2]) == {"--data"}

    # A preset takes the choices along.
    page.locator("#q-preset").select_option("minimal")
    assert not page.locator("#o-cache").is_checked()
    page.locator("#o-cache").check()
    assert command(page)[-4:] == ["--data", "preset=minimal", "--data", "cache=true"]


def test_files_of_an_option_are_those_that_a_project_gets(page: Page, render: Render) -> None:
    page.locator("#q-preset").select_option("minimal")
    page.locator("#o-cache").check()
    shown = page.locator(".option", has=page.locator("#o-cache")).locator("pre").text_content()
    assert shown
    added = (
        tree(render(preset="minimal", cache=True)).keys() - tree(render(preset="minimal")).keys()
    )
    assert set(shown.splitlines()) == added
    total = page.locator("#total").inner_text()
    assert f"{len(added)} files" in total
    page.locator("#o-credits").check()  # files of both options come as well
    both = tree(render(preset="minimal", cache=True, credits=True)).keys()
    assert f"{len(both - tree(render(preset='minimal')).keys())} files" in (
        page.locator("#total").inner_text()
    )


def test_every_option_has_its_cost(page: Page) -> None:
    for option in load_options():
        row = page.locator(".option", has=page.locator(f"#o-{option.name}"))
        summary = row.locator("summary").inner_text()
        assert re.fullmatch(
            r"[\d,]+ files?, [\d,]+ lines, \d+ packages?, \d+ tests?( in [\d.]+ s)?", summary
        )
        assert "0 lines" not in summary.split(", ")


def test_page_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 1280, "height": 720})
