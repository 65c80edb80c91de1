"""A page for which the plan does not suffice."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI

from app.core.http.problems import MEDIA_TYPE
from app.extensions.billing.service.plans import Standing
from app.extensions.billing_pages.deps import require_feature
from app.extensions.sessions.deps import guard
from tests.extensions.billing.shop import Shop
from tests.support.pages import Browser, is_sign_in
from tests.support.people import Person


@pytest.fixture
def search_page(app: FastAPI, configured: None) -> Iterator[str]:
    """A page of a feature, for plans with `search`."""
    router = APIRouter()

    async def search(plan: Annotated[Standing, require_feature("search")]) -> dict[str, str]:
        return {"plan": plan.plan.key}

    router.add_api_route("/search-page", search)
    before = [*app.router.routes]
    app.include_router(router, include_in_schema=False, dependencies=[Depends(guard)])
    # Before the routes that answer everything else.
    app.router.routes.insert(0, app.router.routes.pop())
    yield "/search-page"
    app.router.routes[:] = before


async def test_a_page_says_which_plan_is_needed(
    browser: Browser, person: Person, shop: Shop, search_page: str
) -> None:
    page = await browser.get(search_page)
    assert page.status_code == 402
    assert "This needs the plan Pro or Team" in page.text
    assert 'href="/pricing"' in page.text
    problem = await browser.client.get(search_page, headers={"Accept": "application/json"})
    assert (problem.status_code, problem.headers["content-type"]) == (402, MEDIA_TYPE)
    facts = problem.json()
    assert (facts["code"], facts["plans"]) == ("feature_not_in_plan", ["pro", "team"])
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    assert (await browser.get(search_page)).json() == {"plan": "pro"}


async def test_who_has_not_signed_in_signs_in_first(browser: Browser, search_page: str) -> None:
    assert is_sign_in(await browser.get(search_page))


def test_a_feature_that_no_plan_has_is_a_mistake(configured: None) -> None:
    with pytest.raises(ValueError, match="nothing"):
        require_feature("nothing")
