"""The CSRF check and the headers of the site."""

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.routing import Mount, Route

from app.core.settings import get_settings
from app.extensions.sessions.service.csrf import SAFE_METHODS
from app.features.items.models import Item
from app.main import app
from tests.extensions.admin.browser import Browser, codes
from tests.support.people import Person, SignIn
from tests.support.sample import belongings


def changing_routes() -> list[tuple[str, str]]:
    """Method and path of every route of the site that may change something."""
    (site,) = (each for each in app.routes if isinstance(each, Mount) and each.name == "admin")
    values = {"identity": "user", "pk:path": "1", "export_type": "csv", "column_name": "x"}
    found = []
    for route in site.routes:
        if isinstance(route, Route):
            path = route.path
            for name, value in values.items():
                path = path.replace("{" + name + "}", value)
            found += [(method, path) for method in (route.methods or set()) - SAFE_METHODS]
    return found


async def test_every_change_needs_the_token_of_the_browser(browser: Browser, admin: Person) -> None:
    routes = changing_routes()
    assert {path for _, path in routes} >= {"/login", "/logout", "/user/edit/1", "/user/delete"}
    assert ("POST", "/user/action/suspend") in routes
    for method, path in routes:
        for token in ("", "x" * 64, browser.token[:-1]):
            data = {"csrf_token": token}
            answer = await browser.client.request(method, f"/admin{path}", data=data)
            assert answer.status_code == 403, (method, path)
            assert codes(answer) == ["csrf_failed"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_requests_from_other_sites_are_refused_despite_the_token(
    browser: Browser, admin: Person, site: str
) -> None:
    browser.client.headers["sec-fetch-site"] = site
    assert (await browser.post("/logout")).status_code == 403
    assert (await browser.get("/")).status_code == 200


async def test_a_token_is_refused_in_another_browser(browser: Browser, admin: Person) -> None:
    stolen = browser.token
    browser.client.cookies.clear()
    await browser.get("/login")
    answer = await browser.post("/login", csrf_token=stolen)
    assert answer.status_code == 403


async def test_the_form_of_an_action_changes_nothing(
    browser: Browser, admin: Person, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    for name in ("suspend", "make-admin", "reject", "sign-in-as"):
        answer = await browser.get(f"/user/action/{name}", pks=str(person.id))
        assert (answer.status_code, person.email in answer.text) == (200, True)
    shown = await browser.get(f"/user/details/{person.id}")
    assert ("approved" in shown.text, "site-banner" in shown.text) == (True, False)


async def test_a_delete_sends_the_token_in_a_header(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    item = Item(**await belongings(session, admin.id), title="Tea")
    session.add(item)
    await session.commit()
    assert (await browser.client.delete(f"/admin/item/delete?pks={item.id}")).status_code == 403
    assert (await browser.delete(f"/item/delete?pks={item.id}")).status_code == 200
    assert (await browser.get(f"/item/details/{item.id}")).status_code == 404


async def test_pages_are_not_cached_and_load_nothing_from_other_origins(
    browser: Browser, admin: Person
) -> None:
    answer = await browser.get("/user/list")
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_body_that_is_too_large_is_not_read(browser: Browser, admin: Person) -> None:
    large = "x" * (get_settings().max_body_bytes + 1)
    assert (await browser.post("/logout", everywhere=large)).status_code == 413
