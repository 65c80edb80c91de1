"""What becomes due as time goes on: renewals, ends of trials, retries, expired checkouts.

The agenda is derived from the objects, so it is never saved. An entry of an object that has
changed since is skipped.
"""

import heapq
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from devstack.stripe.account import Account
from devstack.stripe.billing import checkout, invoices, status, subscriptions
from devstack.stripe.billing.items import end_of_period
from devstack.stripe.billing.reactions import fail_refund
from devstack.stripe.store import Json

Entry = tuple[int, int, str, str]
WARNING_SECONDS = 3 * 86400
RUNNING = ("active", "trialing", "past_due", "unpaid")


class Agenda:
    """The entries of all clocks, soonest first."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._heaps: dict[str, list[Entry]] = defaultdict(list)
        self._known: set[tuple[str, int, str]] = set()
        self._count = 0
        for kind in DUE:
            self.add(account.store.all(kind))

    def add(self, changed: Iterable[Json]) -> None:
        """Add the entries of new and changed objects."""
        for item in changed:
            for moment, action in due_of(item):
                known = (item["id"], moment, action)
                if known in self._known:
                    continue
                self._known.add(known)
                self._count += 1
                heap = self._heaps[self._account.clock_of(item) or ""]
                heapq.heappush(heap, (moment, self._count, action, item["id"]))

    def run(self, clock: str | None, until: int, seconds: float = 0.02) -> bool:
        """Do what is due, and return whether all is done; stop after `seconds` of real time."""
        heap = self._heaps[clock or ""]
        stop = time.monotonic() + seconds
        while heap and heap[0][0] <= until:
            if time.monotonic() > stop:
                return False
            moment, _, action, identity = heapq.heappop(heap)
            self._known.discard((identity, moment, action))
            item = self._account.store.get(identity)
            if item is not None and (moment, action) in due_of(item):
                self._do(clock, moment, action, item)
        return True

    def _do(self, clock: str | None, moment: int, action: str, item: Json) -> None:
        account = self._account
        account.moments[clock or ""] = moment
        account.request = {"id": None, "idempotency_key": None}
        try:
            with account.store.transaction() as changed:
                found = account.store.get(clock)
                if found is not None:
                    account.change(found, {"frozen_time": moment})
                ACTIONS[action](account, item)
                account.run_follow_ups()
        finally:
            account.forget_follow_ups()
            del account.moments[clock or ""]
        self.add(changed)


def due_of(item: Json) -> list[tuple[int, str]]:
    """Return when something becomes due for an object, with the name of the action."""
    find = DUE.get(item["object"])
    return [] if find is None or item.get("deleted") else find(item)


def _subscription(item: Json) -> list[tuple[int, str]]:
    if item["status"] == "incomplete":
        return [(item["created"] + subscriptions.INCOMPLETE_SECONDS, "expire")]
    if item["status"] not in (*RUNNING, "paused"):
        return []
    found = []
    end, cancel_at = end_of_period(item), item["cancel_at"]
    if cancel_at is not None:
        found.append((cancel_at, "end"))
    if item["status"] in RUNNING and (cancel_at is None or cancel_at > end):
        found.append((end, "renew"))
    if item["status"] == "trialing" and item.get("_warned_of") != item["trial_end"]:
        found.append((item["trial_end"] - WARNING_SECONDS, "warn"))
    resumes = (item["pause_collection"] or {}).get("resumes_at")
    if resumes is not None:
        found.append((resumes, "resume"))
    return found


def _invoice(item: Json) -> list[tuple[int, str]]:
    if item["status"] == "draft" and item["automatically_finalizes_at"] is not None:
        return [(item["automatically_finalizes_at"], "finalize")]
    if item["status"] == "open" and item["next_payment_attempt"] is not None:
        return [(item["next_payment_attempt"], "retry")]
    return []


def _session(item: Json) -> list[tuple[int, str]]:
    return [(item["expires_at"], "expire_session")] if item["status"] == "open" else []


def _finalize(account: Account, invoice: Json) -> None:
    invoices.finalize(account, invoice)
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        invoices.collect(account, invoice)


def _retry(account: Account, invoice: Json) -> None:
    invoices.collect(account, invoice)


def _end(account: Account, subscription: Json) -> None:
    status.end(account, subscription, "cancellation_requested")


def _resume(account: Account, subscription: Json) -> None:
    account.change(subscription, {"pause_collection": None}, "customer.subscription.updated")


def _refund(item: Json) -> list[tuple[int, str]]:
    moment = item.get("_fails_at")
    return [] if moment is None else [(moment, "fail_refund")]


DUE: dict[str, Callable[[Json], list[tuple[int, str]]]] = {
    "subscription": _subscription,
    "invoice": _invoice,
    "checkout.session": _session,
    "refund": _refund,
}
ACTIONS: dict[str, Callable[[Account, Json], object]] = {
    "expire": subscriptions.expire,
    "end": _end,
    "renew": subscriptions.renew,
    "warn": subscriptions.warn_of_trial_end,
    "resume": _resume,
    "finalize": _finalize,
    "retry": _retry,
    "expire_session": checkout.expire,
    "fail_refund": fail_refund,
}
