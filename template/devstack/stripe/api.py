"""From a request to its answer: key, faults, parameters, idempotency, endpoint, expansion."""

import asyncio
import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from devstack.stripe.account import API_VERSION, Account
from devstack.stripe.billing.agenda import Agenda
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError
from devstack.stripe.faults import STATUS, Fault, Faults
from devstack.stripe.forms import decode
from devstack.stripe.idempotency import Keys
from devstack.stripe.params import Params
from devstack.stripe.rendering import expand, render
from devstack.stripe.resources import ROUTES
from devstack.stripe.store import Json


class Dropped(Exception):  # noqa: N818 - no error of this server
    """The connection is to be closed without an answer."""


@dataclass
class Reply:
    """Status and body of an answer."""

    status: int
    body: Json
    replayed: bool = False


class Api:
    """The API of one account.

    Args:
        account: its objects.
        agenda: gets the objects that requests change.
        key: the only secret key that is accepted; empty for each key in test mode.
    """

    def __init__(self, account: Account, agenda: Agenda, key: str = "") -> None:
        self.account = account
        self.agenda = agenda
        self.faults = Faults()
        self._key = key
        self._keys = Keys(account)

    async def answer(self, request: Request) -> Response:
        """Answer a request.

        Raises:
            Dropped: a fault closes the connection.
        """
        request_id = f"req_{secrets.token_urlsafe(10)}"
        try:
            reply = await self._reply(request, request_id)
        except StripeError as error:
            reply = Reply(error.status, error.body)
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        key = request.headers.get("idempotency-key")
        if key:
            headers["Idempotency-Key"] = key
        if reply.replayed:
            headers["Idempotent-Replayed"] = "true"
        if reply.status == STATUS["rate_limit"]:
            headers["Stripe-Should-Retry"] = "true"
        return Response(
            json.dumps(reply.body, indent=2),
            status_code=reply.status,
            media_type="application/json",
            headers=headers,
        )

    async def _reply(self, request: Request, request_id: str) -> Reply:
        self.check_key(request)
        method, path = request.method, request.url.path
        values = decode(await _pairs(request))
        fault = self.faults.take(method, path)
        key = request.headers.get("idempotency-key") if method == "POST" else None
        if key is not None:
            saved = self._keys.begin(key, method, path, values)
            if saved is not None:
                return Reply(saved["status"], json.loads(saved["body"]), replayed=True)
        try:
            if fault is not None:
                await _suffer(fault)
            self.account.request = {"id": request_id, "idempotency_key": key}
            reply = self._run(method, path, values, key)
        finally:
            if key is not None:
                self._keys.end(key)
        if fault is not None and fault.kind == "lost":
            raise Dropped
        return reply

    def check_key(self, request: Request) -> None:
        """Refuse a request without a secret key of this account.

        Raises:
            StripeError: the key is missing or wrong.
        """
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                value = base64.b64decode(value).decode().partition(":")[0]
            except ValueError:
                value = ""
        if not value:
            raise StripeError(401, "You did not provide an API key.")
        known = value == self._key if self._key else value.startswith(("sk_test_", "rk_test_"))
        if not known:
            raise StripeError(401, f"Invalid API Key provided: {value[:8]}{'*' * 8}")

    def _run(self, method: str, path: str, values: dict[str, Any], key: str | None) -> Reply:
        """Run the endpoint in a transaction, which also saves the answer."""
        route, ids = _route(method, path)
        params = Params({name: value for name, value in values.items() if name != "expand"})
        error = None
        try:
            with self.account.store.transaction() as changed:
                try:
                    shown = self._call(route, Call(self.account, params, ids))
                    params.finish()
                    body = expand(self.account.store, shown, _listed(values.get("expand", [])))
                    reply = Reply(200, body)
                except StripeError as raised:
                    if not raised.keep:
                        raise
                    # A declined payment leaves its traces.
                    error, reply = raised, Reply(raised.status, raised.body)
                self.account.run_follow_ups()
                if key is not None:
                    self._keys.save(key, method, path, values, reply.status, reply.body)
        except BaseException:
            self.account.forget_follow_ups()
            raise
        self.agenda.add(changed)
        if error is not None:
            raise error
        return reply

    def _call(self, route: Route, call: Call) -> Json:
        return render(self.account.store, route.endpoint(call))


def _route(method: str, path: str) -> tuple[Route, list[str]]:
    for route in ROUTES:
        ids = route.match(method, path)
        if ids is not None:
            return route, ids
    raise StripeError(
        404,
        f"Unrecognized request URL ({method}: {path}). The local Stripe has the endpoints that "
        "backends with subscriptions use, see `devstack/stripe/resources`.",
    )


async def _pairs(request: Request) -> list[tuple[str, str]]:
    body = (await request.body()).decode()
    pairs = parse_qsl(request.url.query, keep_blank_values=True)
    return [*pairs, *parse_qsl(body, keep_blank_values=True)]


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


async def _suffer(fault: Fault) -> None:
    if fault.seconds:
        await asyncio.sleep(fault.seconds)
    if fault.kind == "drop":
        raise Dropped
    if fault.kind == "rate_limit":
        raise StripeError(
            429, "Request rate limit exceeded.", code="rate_limit", type="invalid_request_error"
        )
    if fault.kind == "lock_timeout":
        raise StripeError(
            429,
            "This object cannot be accessed right now because another API request or Stripe "
            "process is currently accessing it.",
            code="lock_timeout",
        )
    if fault.kind == "error":
        raise StripeError(fault.status, "An unknown error occurred on purpose.", type="api_error")
