"""Sends events to webhook endpoints, signed, and again after a failure."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

from devstack.stripe.account import Account
from devstack.stripe.rendering import render
from devstack.stripe.store import Json

if TYPE_CHECKING:
    import httpx

# Seconds until the next attempt. Stripe waits up to hours, and gives up after three days.
RETRIES = (1.0, 3.0, 10.0, 30.0, 120.0, 600.0, 3600.0)
TIMEOUT = 20.0
IDLE_SECONDS = 0.2


def signature(secret: str, body: bytes, moment: int) -> str:
    """Return the header `Stripe-Signature`.

    Source: https://docs.stripe.com/webhooks#verify-manually
    """
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={digest.hexdigest()}"


class Deliveries:
    """The deliveries that wait, in the order of their events.

    `held` keeps all of them back. `copies` sends each event several times, and `newest_first`
    turns the order around.
    """

    def __init__(self, account: Account, retries: tuple[float, ...] = RETRIES) -> None:
        self._account = account
        self._retries = retries
        self.held = False
        self.copies = 1
        self.newest_first = False
        self._wake = asyncio.Event()

    def settings(self) -> Json:
        """Return the settings, as JSON."""
        return {"held": self.held, "copies": self.copies, "newest_first": self.newest_first}

    def wake(self) -> None:
        """Look for new deliveries now."""
        self._wake.set()

    def pending(self) -> list[Json]:
        """Return the deliveries that wait, in the order to send them."""
        found = [each for each in self._account.store.all("_delivery") if each["next"] is not None]
        return found[::-1] if self.newest_first else found

    def repeat(self, event: Json) -> None:
        """Deliver an event again to every endpoint, as the button of the dashboard does."""
        store = self._account.store
        with store.transaction():
            for endpoint in self._account.where("webhook_endpoint", status="enabled"):
                store.add(
                    {
                        "id": self._account.new_id("_dlv"),
                        "object": "_delivery",
                        "event": event["id"],
                        "endpoint": endpoint["id"],
                        "attempts": [],
                        "next": time.time(),
                    }
                )
        self.wake()

    async def run(self) -> None:
        """Deliver until the task is cancelled."""
        import httpx  # not at the top: its import takes long, and the page does not need it

        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as client:
            while True:
                sent = await self._round(client)
                if not sent:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)
                    self._wake.clear()

    async def _round(self, client: "httpx.AsyncClient") -> bool:
        """Send what is due to each endpoint, one after the other per endpoint."""
        if self.held:
            return False
        due: dict[str, list[Json]] = {}
        for each in self.pending():
            if each["next"] <= time.time():
                due.setdefault(each["endpoint"], []).append(each)
        await asyncio.gather(*(self._send_all(client, each) for each in due.values()))
        return bool(due)

    async def _send_all(self, client: "httpx.AsyncClient", waiting: list[Json]) -> None:
        for each in waiting:
            if self.held:
                return
            await self._send(client, each)

    async def _send(self, client: "httpx.AsyncClient", delivery: Json) -> None:
        store = self._account.store
        event, endpoint = store.get(delivery["event"]), store.get(delivery["endpoint"])
        if event is None or endpoint is None:
            with store.transaction():
                store.delete(delivery)
            return
        body = json.dumps(render(store, event), indent=2).encode()
        outcome: Any = 0
        for _ in range(self.copies):
            outcome = await _post(client, endpoint, body)
        with store.transaction():
            if store.get(delivery["id"]) is not None:
                self._record(delivery, event, outcome)

    def _record(self, delivery: Json, event: Json, outcome: int | str) -> None:
        store = self._account.store
        done = isinstance(outcome, int) and 200 <= outcome < 300
        if done:
            store.delete(delivery)
            waiting = max(0, event["pending_webhooks"] - 1)
            store.touch(event)["pending_webhooks"] = waiting
            return
        attempts = [*delivery["attempts"], outcome]
        left = len(attempts) <= len(self._retries)
        store.touch(delivery).update(
            {
                "attempts": attempts,
                "next": time.time() + self._retries[len(attempts) - 1] if left else None,
            }
        )


async def _post(client: "httpx.AsyncClient", endpoint: Json, body: bytes) -> int | str:
    """Send a body, and return the status, or the name of the error."""
    import httpx

    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(endpoint["_secret"], body, int(time.time())),
    }
    try:
        answer = await client.post(endpoint["url"], content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return answer.status_code
