"""Every form: its token, and what it makes of hostile texts."""

import re

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.settings import get_settings
from app.extensions.sessions.service import browser as browser_module
from app.extensions.sessions.service.browser import cookie_name
from app.extensions.sessions.service.csrf import SAFE_METHODS
from app.main import app
from tests.support.pages import Browser
from tests.support.people import Person

XSS = "\"'><script>alert(1)</script>"
PAGES = (
    "sign-in",
    "sign-up",
    "link",
    "forgot",
    "password",
    "apps",
    "passkeys/new",
    "confirm",
    "email",
    "delete",
    "",
)


def routes(*, changing: bool) -> list[str]:
    """The paths of all pages, of all features."""
    found = {
        route.path or ""
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute)
        and ":" in route.original_route.name
        and bool((route.methods or set()) - SAFE_METHODS) is changing
    }
    return sorted(
        re.sub(r"\{\w+\}", "00000000-0000-0000-0000-000000000000", each) for each in found
    )


async def test_every_change_needs_the_token_of_the_browser(
    browser: Browser, person: Person
) -> None:
    paths = routes(changing=True)
    assert {"/account/sign-in", "/account/sign-out", "/account/password"} <= set(paths)
    for path in paths:
        for token in ("", "x" * 64, browser.token[:-1]):
            answer = await browser.client.post(path, data={"csrf_token": token})
            assert answer.status_code == 403, path
            assert 'data-code="csrf_failed"' in answer.text
    assert await browser.is_signed_in()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
    ids=["cross-site", "same-site", "origin", "null", "malformed"],
)
async def test_requests_from_other_sites_are_refused_despite_the_token(
    browser: Browser, person: Person, headers: dict[str, str]
) -> None:
    browser.client.headers.update(headers)
    assert (await browser.post("/account/sign-out")).status_code == 403
    assert await browser.is_signed_in()


async def test_requests_of_this_site_are_accepted(browser: Browser, person: Person) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
    browser.client.headers.update(own)
    assert (await browser.post("/account/profile", display_name="Ada")).status_code == 303
    sent = await browser.client.post("/account/profile", headers={"X-CSRF-Token": browser.token})
    assert sent.status_code == 303


async def test_every_form_has_the_token_and_every_field_a_label(
    browser: Browser, person: Person
) -> None:
    await browser.confirm()
    for path in PAGES:
        page = (await browser.get(f"/account/{path}".rstrip("/"))).text
        forms = re.findall(r'<form method="post".*?</form>', page, re.DOTALL)
        assert forms, path
        for form in forms:
            assert 'name="csrf_token"' in form
            fields = re.findall(r'<input id="(\w+)"', form)
            assert set(fields) == set(re.findall(r'<label for="(\w+)"', form))


@pytest.mark.parametrize("path", PAGES)
async def test_hostile_texts_in_fields_are_only_text(
    browser: Browser, person: Person, path: str
) -> None:
    await browser.confirm()
    page = (await browser.get(f"/account/{path}".rstrip("/"))).text
    for form in re.findall(r'<form method="post".*?</form>', page, re.DOTALL):
        action = re.findall(r'action="([^"]+)"', form)[0]
        if action in ("/account/sign-out", "/account/delete"):
            continue
        names = set(re.findall(r'name="(\w+)"', form)) - {"csrf_token"}
        answer = await browser.post(action, **dict.fromkeys(names, XSS))
        shown = answer.text + (await browser.get("/account")).text
        assert "<script>alert" not in shown, action
        assert not re.search(r"=\"[^\"]*\"'>", shown)
    assert "<script>alert" not in (await browser.get("/account/sign-in", next=XSS)).text


@pytest.mark.parametrize("value", [{"environment": "production"}, {"secure_cookies": True}])
async def test_cookies_are_for_this_host_and_tls_only_in_production(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, value: dict[str, object]
) -> None:
    settings = get_settings().model_copy(update=value)
    monkeypatch.setattr(browser_module, "get_settings", lambda: settings)
    answer = await browser.get("/account/sign-in")
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie_name() == "__Host-session"
    assert re.fullmatch(r"__Host-session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Secure", cookie)


async def test_pages_of_an_account_are_kept_by_no_cache(browser: Browser, person: Person) -> None:
    for path in routes(changing=False):
        answer = await browser.get(path)
        if path.startswith("/account"):
            assert answer.headers["cache-control"] == "no-store", path
