"""A browser, and a local Stripe that the pages lead to."""

import html
import re
from collections.abc import Awaitable, Callable

import pytest
from httpx import Response

from tests.extensions.account.conftest import (  # noqa: F401 - fixtures
    browser,
    local_links,
    new_browser,
    no_sessions,
    person,
)
from tests.extensions.billing.conftest import (  # noqa: F401 - fixtures
    billing_environment,
    configured,
    local_stripe,
    plans,
    shop,
)
from tests.extensions.billing.shop import Shop
from tests.support.pages import Browser

PayFor = Callable[..., Awaitable[Response]]


def stripe_page(answer: Response) -> str:
    """Return the page of Stripe to which an answer leads."""
    assert answer.status_code == 200, answer.text
    (url,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    return html.unescape(url)


@pytest.fixture
def pay_for(browser: Browser, shop: Shop) -> PayFor:  # noqa: F811
    """Send the form of a page that is loaded, pay at Stripe, and go where it leads back to."""

    async def pay_for(path: str, card: str = "visa", **fields: str) -> Response:
        paid = await shop.pay(stripe_page(await browser.post(path, **fields)), card)
        return await browser.follow(paid)

    return pay_for
