"""`Shop`: a local Stripe, what people do there, and the deliveries of its events."""

import json
import time
from collections.abc import Iterable
from copy import deepcopy
from typing import Any
from uuid import UUID

import httpx
import stripe
from sqlalchemy import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.tasks import SkipRunError
from app.extensions.billing.models import events
from app.extensions.billing.service import catalogue_sync, processing
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.client import VERSION, stripe_client
from devstack.stripe import LocalStripe

API = "/api/v1/billing"
HOOK = "/api/v1/webhooks/billing/stripe"
KEY = "_".join(("sk", "test", "0123456789abcdef"))
SECRET = "_".join(("whsec", "0123456789abcdef"))


# Products and prices by their catalogue.
_written: dict[str, list[dict[str, Any]]] = {}


class Shop:
    """A Stripe with the catalogue, and our side of it in the transaction of a test."""

    def __init__(
        self, local: LocalStripe, client: httpx.AsyncClient, session: AsyncSession
    ) -> None:
        self.local = local
        self.api = client
        self.session = session
        self.delivered: set[str] = set()
        self._events: list[Any] = []
        self.stuck: set[str] = set()  # events that a test leaves unprocessed on purpose
        self.stripe = stripe.StripeClient(
            KEY, stripe_version=VERSION, base_addresses={"api": local.url}
        )

    @property
    def v1(self) -> Any:
        """Stripe's API, as its own client for Python has it."""
        return self.stripe.v1

    async def open(self) -> None:
        """Write the catalogue to Stripe; later tests get a copy of what the first one has written.

        It takes two dozen requests, and nearly every test needs it.
        """
        store, key = self.local.account.store, repr(catalogue())
        if key not in _written:
            async with stripe_client() as client:
                for change in await catalogue_sync.differences(client, catalogue()):
                    await catalogue_sync.apply(client, change)
            _written[key] = deepcopy([*store.all("product"), *store.all("price")])
            return
        with store.transaction():
            for each in deepcopy(_written[key]):
                store.add(each)

    # What people do

    async def checkout(self, headers: dict[str, str], price: str, **order: Any) -> str:
        """Start a checkout of a subscription; return the address of its page."""
        answer = await self.api.post(
            f"{API}/subscription", json={"price": price, **order}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    async def pay(self, page: str, card: str = "visa") -> httpx.Response:
        """Pay on the page of a checkout."""
        async with httpx.AsyncClient() as browser:
            return await browser.post(page, data={"card": card})

    async def subscribe(self, headers: dict[str, str], price: str, **order: Any) -> Any:
        """Subscribe and pay; the events are not delivered yet. Return the plan then."""
        answer = await self.pay(await self.checkout(headers, price, **order))
        assert answer.status_code == 303, answer.text
        return await self.plan(headers)

    async def buy(self, headers: dict[str, str], pack: str = "pack", quantity: int = 1) -> None:
        """Buy packs and pay; the events are not delivered yet."""
        order = {"pack": pack, "quantity": quantity}
        answer = await self.api.post(f"{API}/purchases", json=order, headers=headers)
        assert answer.status_code == 200, answer.text
        assert (await self.pay(answer.json()["url"])).status_code == 303

    async def plan(self, headers: dict[str, str]) -> Any:
        """Return the answer about the plan."""
        answer = await self.api.get(f"{API}/subscription", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # What Stripe does

    def control(self, path: str, /, **values: Any) -> Any:
        """Change the time, failures or deliveries, or dispute a charge."""
        key = {"Authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{self.local.url}/_local/{path}", json=values, headers=key)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def clear_faults(self) -> None:
        """Let Stripe work again."""
        key = {"Authorization": f"Bearer {KEY}"}
        assert httpx.delete(f"{self.local.url}/_local/faults", headers=key).is_success

    def events(self, *types: str) -> list[Any]:
        """Return all events that we subscribe to, the oldest first."""
        wanted = types or processing.TYPES
        # An event never changes, so only those are read that are new: a year has thousands.
        asked: dict[str, Any] = {"limit": 100}
        if self._events:
            asked["ending_before"] = self._events[-1].id  # read in the other direction
        new = [*self.v1.events.list(asked).auto_paging_iter()]
        self._events += new if self._events else new[::-1]
        return [event for event in self._events if event.type in wanted]

    async def send(self, event: Any, *, age: int = 0, secret: str = SECRET) -> httpx.Response:
        """Deliver an event, signed some seconds ago."""
        body = json.dumps(event if isinstance(event, dict) else event.to_dict(for_json=True))
        signature = stripe.WebhookSignature.generate_signature_header(
            body, secret, int(time.time()) - age
        )
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        return await self.api.post(HOOK, content=body, headers=headers)

    async def deliver(self, found: Iterable[Any] | None = None) -> list[str]:
        """Deliver events, by default all new ones, and process them; return their types."""
        chosen = list(found) if found is not None else self.events()
        new = [event for event in chosen if event.id not in self.delivered]
        for event in new:
            answer = await self.send(event)
            assert answer.status_code == 204, answer.text
            self.delivered.add(event.id)
            await self.process(event.id)
        return [event.type for event in new]

    async def process(self, event_id: str) -> bool:
        """Process a stored event, as its task does; return whether there was something to do."""
        try:
            await processing.process(self.session, event_id)
        except SkipRunError:
            return False
        await self.session.commit()
        return True

    async def waiting(self) -> list[str]:
        """Return the events that are stored and not processed."""
        statement: Any = select(events.c.id).where(events.c.processed_at.is_(None))
        return list((await self.session.exec(statement)).scalars())

    async def rows(self, table: Any, holder_id: UUID | None = None) -> list[Any]:
        """Return rows of a table, by default of all holders."""
        statement: Any = select(table)
        if holder_id:
            statement = statement.where(table.c.holder_id == holder_id)
        return [*(await self.session.exec(statement)).mappings()]
