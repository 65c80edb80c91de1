"""The Stripe account: its objects, the time, new ids and events."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from devstack.stripe.errors import missing
from devstack.stripe.rendering import render
from devstack.stripe.store import Json, Store

API_VERSION = "2026-10-28.endive"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
META = "_meta"


class Account:
    """One account in test mode.

    Args:
        store: the objects.
        seed: makes the ids the same in each run; by default, each new account has other ids.
    """

    def __init__(self, store: Store, seed: str | None = None) -> None:
        self.store = store
        self.url = ""
        # Of the request that runs; events name them.
        self.request: Json = {"id": None, "idempotency_key": None}
        # The time of a clock while its due work runs: id, or "" for the time of the account.
        self.moments: dict[str, int] = {}
        # What follows a charge: name -> function, see `billing.reactions`.
        self.reactions: Mapping[str, Callable[[Account, Json], object]] = {}
        self._later: list[tuple[str, Json]] = []
        with store.transaction():
            self._meta = store.get(META) or store.add(
                {
                    "id": META,
                    "object": "_meta",
                    "seed": seed or secrets.token_hex(16),
                    "ids": 0,
                    "offset": 0,
                    "settings": {"after_last_attempt": "cancel"},
                }
            )

    @property
    def settings(self) -> Json:
        """Settings that the dashboard of Stripe has."""
        settings: Json = self._meta["settings"]
        return settings

    def change_meta(self, **changes: Any) -> None:
        """Change settings or the offset of the time."""
        self.store.touch(self._meta).update(changes)

    @property
    def offset(self) -> int:
        """Seconds by which the time of the account is ahead."""
        return int(self._meta["offset"])

    def now(self, clock: str | None = None) -> int:
        """Return the time, as a Unix timestamp: of a test clock, or of the account."""
        moment = self.moments.get(clock or "")
        if moment is not None:
            return moment
        found = self.store.get(clock)
        return int(found["frozen_time"]) if found else int(time.time()) + self.offset

    def new_id(self, prefix: str, length: int = 24) -> str:
        """Return a new id, such as `cus_` with 14 characters."""
        return f"{prefix}_{self.new_token(length)}"

    def new_token(self, length: int) -> str:
        """Return new random characters."""
        self.store.touch(self._meta)["ids"] += 1
        digest = b"".join(
            hashlib.sha256(f"{self._meta['seed']}:{self._meta['ids']}:{part}".encode()).digest()
            for part in range(1 + length // 32)
        )
        return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:length])

    def find(self, kind: str, identity: str | None, param: str = "id") -> Json:
        """Return an object.

        Raises:
            StripeError: there is none of this kind.
        """
        found = self.store.get(identity)
        if found is None or found["object"] != kind or found.get("deleted"):
            raise missing(kind.rpartition(".")[2], identity or "", param)
        return found

    def where(self, kind: str, **values: Any) -> list[Json]:
        """Return the objects whose fields have these values, in the order of their creation."""
        found = []
        for each in self.store.all(kind):
            for key, value in values.items():
                if each.get(key) != value:
                    break
            else:
                if not each.get("deleted"):
                    found.append(each)
        return found

    def add(self, item: Json, event: str | None = None) -> Json:
        """Add an object, with its event."""
        self.store.add(item)
        if event:
            self.emit(event, item)
        return item

    def change(self, item: Json, changes: Json, event: str | None = None) -> Json:
        """Change fields of an object, and tell it by an event if a visible field changes."""
        before = render(self.store, item) if event else {}
        self.store.touch(item).update(changes)
        if event:
            self.tell(item, before, event)
        return item

    def tell(self, item: Json, before: Json, event: str) -> None:
        """Emit an event with those fields that differ from a former snapshot, if there is one."""
        after = render(self.store, item)
        previous = {key: old for key, old in before.items() if old != after.get(key)}
        if previous:
            self.emit(event, item, previous)

    def watched(self, item: Json, event: str) -> Callable[[], None]:
        """Take a snapshot; the returned function emits the event for what has changed since."""
        before = render(self.store, item)
        return lambda: self.tell(item, before, event)

    def emit(self, event: str, item: Json, previous: Json | None = None) -> None:
        """Add an event, and a delivery for each endpoint that listens to it."""
        data: Json = {"object": render(self.store, item)}
        if previous is not None:
            data["previous_attributes"] = previous
        endpoints = [
            each
            for each in self.where("webhook_endpoint", status="enabled")
            if "*" in each["enabled_events"] or event in each["enabled_events"]
        ]
        record = self.store.add(
            {
                "id": self.new_id("evt"),
                "object": "event",
                "account": None,
                "api_version": API_VERSION,
                "context": None,
                "created": self.now(self.clock_of(item)),
                # As text, which needs a tenth of the memory.
                "_data": json.dumps(data),
                "livemode": False,
                "pending_webhooks": len(endpoints),
                "request": dict(self.request),
                "type": event,
            }
        )
        for endpoint in endpoints:
            self.store.add(
                {
                    "id": self.new_id("_dlv"),
                    "object": "_delivery",
                    "event": record["id"],
                    "endpoint": endpoint["id"],
                    "attempts": [],
                    "next": time.time(),
                }
            )

    def follow_up(self, kind: str, item: Json) -> None:
        """Do something at the end of the request, such as the dispute of a new charge."""
        self._later.append((kind, item))

    def run_follow_ups(self) -> None:
        """Do what has been put off."""
        while self._later:
            kind, item = self._later.pop(0)
            self.reactions[kind](self, item)

    def forget_follow_ups(self) -> None:
        """Drop what has been put off, because the request has failed."""
        self._later.clear()

    def clock_of(self, item: Json) -> str | None:
        """Return the id of the test clock that an object lives by."""
        if "test_clock" in item:
            clock: str | None = item["test_clock"]
            return clock
        if item["object"] == "test_helpers.test_clock":
            return str(item["id"])
        for owner in ("customer", "charge"):
            found = self.store.get(item.get(owner) if isinstance(item.get(owner), str) else None)
            if found is not None:
                return self.clock_of(found)
        return None
