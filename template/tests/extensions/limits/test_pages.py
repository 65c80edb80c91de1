"""Browsers: a visitor counts as a user, and static files do not count."""

from httpx import ASGITransport, AsyncClient

from devstack.supabase import LocalSupabase
from tests.extensions.limits.conftest import statuses
from tests.support.pages import Browser
from tests.support.people import SignIn


async def test_a_visitor_is_counted_alone_and_not_by_the_address(
    limited: AsyncClient, sign_in: SignIn, supabase: LocalSupabase
) -> None:
    transport = limited._transport
    assert isinstance(transport, ASGITransport)
    browser, other = (Browser(transport.app, supabase) for _ in range(2))  # type: ignore[arg-type]
    assert (await browser.sign_in(await sign_in())).status_code == 303
    assert await statuses(browser.client, "/account", 6) == [200] * 5 + [429]
    # The form and the sign-in have counted by the address.
    assert await statuses(other.client, "/account/sign-in", 4) == [200] * 3 + [429]
    for each in (browser, other):
        await each.client.aclose()


async def test_static_files_do_not_count(limited: AsyncClient) -> None:
    assert await statuses(limited, "/static/site.css", 10) == [200] * 10
