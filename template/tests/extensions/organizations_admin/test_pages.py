"""Visits of the support team in a browser."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import APIRouter, Depends, FastAPI

from app.extensions.pages.header import load_header
from app.extensions.pages.organizations import PageOrganization
from app.extensions.pages.visitors import LiveVisitor
from app.extensions.sessions.deps import guard
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser as SiteBrowser
from tests.extensions.admin.conftest import no_sessions  # noqa: F401 - a fixture
from tests.extensions.organizations.test_visits import visit
from tests.support.pages import Browser
from tests.support.people import SignIn
from tests.support.tenants import Tenants

PROBE = "/organizations/{organization}/probe"
router = APIRouter(dependencies=[Depends(guard), Depends(load_header)])


@router.get(f"{PROBE}/credentials")
async def show_credentials(scope: PageOrganization, _: LiveVisitor) -> str:
    return scope.role


@pytest.fixture
async def browser(app: FastAPI, supabase: LocalSupabase) -> AsyncIterator[Browser]:
    browser = Browser(app, supabase)
    yield browser
    await browser.client.aclose()


@pytest.fixture(autouse=True)
def _probes(running_app: FastAPI) -> Iterator[None]:
    before = list(running_app.router.routes)
    running_app.include_router(router)
    yield
    running_app.router.routes[:] = before


async def test_a_visitor_sees_what_members_see_and_no_page_of_credentials(
    browser: Browser, supabase: LocalSupabase, sign_in: SignIn, tenants: Tenants
) -> None:
    acme = await tenants.create("Acme", "member")
    home = f"/organizations/{acme.slug}"
    await browser.sign_in(await sign_in(role=Role.ADMIN))
    assert (await browser.get(f"{home}/members")).status_code == 404
    await visit(SiteBrowser(browser.client, supabase), acme, "Ticket 42")
    assert acme.people["member"].email in (await browser.get(f"{home}/members")).text
    assert (await browser.get(f"{home}/invitations")).status_code == 403
    refused = await browser.get(f"{home}/probe/credentials")
    assert (refused.status_code, 'data-code="visit_refused"' in refused.text) == (403, True)
    await browser.sign_in(acme.people["member"])
    assert (await browser.get(f"{home}/probe/credentials")).status_code == 200
