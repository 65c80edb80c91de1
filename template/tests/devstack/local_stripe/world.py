"""A local Stripe with Stripe's own client, and short ways to what most tests need."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import stripe

# 1 January 2026, 00:00 UTC
START = 1767225600
DAY = 86400
KEY = "_".join(("sk", "test", "local"))
SECONDS = 20.0


class World:
    """One local Stripe, and the client of Stripe for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        client = stripe.StripeClient(KEY, base_addresses={"api": url}, max_network_retries=0)
        self.api: Any = client.v1
        self.browser = httpx.Client(base_url=url, trust_env=False)
        self.clock: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self.browser.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Do something that only the local Stripe can, and return its JSON."""
        answer = self.browser.request(
            method, f"/_local/{path}", json=body, headers={"authorization": f"Bearer {KEY}"}
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def price(self, amount: int = 1000, interval: str | None = "month", **more: Any) -> Any:
        """Create a price of a new product; without an interval it is for one purchase."""
        product = self.api.products.create({"name": "Pro"}).id
        recurring = {"recurring": {"interval": interval}} if interval else {}
        return self.api.prices.create(
            {"product": product, "currency": "usd", "unit_amount": amount, **recurring, **more}
        )

    def freeze(self, moment: int = START) -> None:
        """Let the customers that are created from now on live by a test clock."""
        clock = self.api.test_helpers.test_clocks.create({"frozen_time": moment})
        self.clock = clock.id

    def advance(self, moment: int) -> None:
        """Move the test clock, and wait until all that is due is done."""
        clocks = self.api.test_helpers.test_clocks
        clocks.advance(self.clock, {"frozen_time": moment})
        self.wait(lambda: clocks.retrieve(self.clock).status == "ready")

    def customer(self, card: str | None = "visa", **more: Any) -> Any:
        """Create a customer with a default card."""
        clock = {"test_clock": self.clock} if self.clock else {}
        method = {
            "payment_method": f"pm_card_{card}",
            "invoice_settings": {"default_payment_method": f"pm_card_{card}"},
        }
        return self.api.customers.create(
            {"email": "ada@example.com", **clock, **(method if card else {}), **more}
        )

    def subscribe(self, customer: Any, price: Any, **more: Any) -> Any:
        """Create a subscription, with its latest invoice."""
        items = more.pop("items", [{"price": price.id}])
        return self.api.subscriptions.create(
            {"customer": customer.id, "items": items, "expand": ["latest_invoice"], **more}
        )

    def checkout(self, mode: str, price: Any, **more: Any) -> Any:
        """Create a checkout session for one item."""
        return self.api.checkout.sessions.create(
            {
                "mode": mode,
                "line_items": [{"price": price.id, "quantity": 1}],
                "success_url": "http://app.test/done?session={CHECKOUT_SESSION_ID}",
                "cancel_url": "http://app.test/back",
                **more,
            }
        )

    def press(self, page: str, **form: str) -> httpx.Response:
        """Send the form of a page, as a browser does."""
        return self.browser.post(page, data=form)

    def events(self, prefix: str = "") -> list[str]:
        """Return the types of all events, oldest first."""
        found = [each.type for each in self.api.events.list({"limit": 100}).auto_paging_iter()]
        return [each for each in reversed(found) if each.startswith(prefix)]

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise AssertionError("It did not happen in time.")
            time.sleep(0.01)
