"""Idempotency keys: a repeated request gets the answer of the first one."""

import hashlib
import json
from typing import Any

from devstack.stripe.account import Account
from devstack.stripe.errors import StripeError
from devstack.stripe.store import Json

DAY = 86400
LONGEST = 255


class Keys:
    """The keys of the last day, and those of requests that run."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._running: set[str] = set()
        with account.store.transaction():
            for each in account.store.all("_answer"):
                if each["until"] <= account.now():
                    account.store.delete(each)

    def begin(self, key: str, method: str, path: str, values: dict[str, Any]) -> Json | None:
        """Announce a request, and return the saved answer if it is a repetition.

        Raises:
            StripeError: the first request still runs, or had other parameters.
        """
        if len(key) > LONGEST:
            raise StripeError(400, "Idempotency keys may be at most 255 characters long.")
        if key in self._running:
            raise StripeError(
                409,
                f"There is currently another in-progress request using this Idempotent Key "
                f"(that probably means you submitted twice, and the other request is still going "
                f"through): {key}.",
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        saved = self._account.store.get(_id(key))
        if saved is not None and saved["until"] > self._account.now():
            if saved["request"] != _digest(method, path, values):
                raise StripeError(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they "
                    f"were first used with. Try using a key other than '{key}' if you meant to "
                    "execute a different request.",
                    type="idempotency_error",
                )
            return saved
        self._running.add(key)
        return None

    def save(
        self, key: str, method: str, path: str, values: dict[str, Any], status: int, body: Json
    ) -> None:
        """Save the answer of a request, inside its transaction."""
        store = self._account.store
        saved: Json = {
            "id": _id(key),
            "object": "_answer",
            "request": _digest(method, path, values),
            "until": self._account.now() + DAY,
            "status": status,
            "body": json.dumps(body),
        }
        old = store.get(saved["id"])
        if old is None:
            store.add(saved)
        else:
            store.touch(old).update(saved)

    def end(self, key: str) -> None:
        """Announce the end of a request."""
        self._running.discard(key)


def _id(key: str) -> str:
    return f"_key:{key}"


def _digest(method: str, path: str, values: dict[str, Any]) -> str:
    text = json.dumps([method, path, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
