"""Refuses requests over their limit, before a body is read and before a route runs."""

from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import context
from app.core.counters import count
from app.core.http.problems import problem
from app.extensions.limits.limiter import Limiter, LimitsUnavailableError, Quota


class Middleware:
    """Counts requests and websockets, and adds the headers of their limit to the responses."""

    exposed_headers = ("RateLimit", "RateLimit-Policy")

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        # The lifespan makes it, and fails the start otherwise. Nothing else works without that.
        limiter: Limiter | None = getattr(scope["app"].state, "limiter", None)
        policy = limiter.policies.find(scope) if limiter and scope["type"] != "lifespan" else None
        if limiter is None or policy is None:
            await self.app(scope, receive, send)
            return
        try:
            quotas = await limiter.take(scope, policy)
        except LimitsUnavailableError as error:
            headers = {"Retry-After": str(error.retry_after)}
            response = problem(error.status, error.code, error.detail, headers=headers)
            await _refuse(response, scope, receive, send)
            return
        if not quotas[-1].is_taken:
            count("app_limits_refused_total", quotas[-1].name)
            await _refuse(_too_many(quotas), scope, receive, send)
            return
        added = [(k.lower().encode(), v.encode()) for k, v in _headers(quotas).items()]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(added)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _headers(quotas: Sequence[Quota]) -> dict[str, str]:
    """One list for each header, as its draft allows; the first entry is that of the caller."""
    each = [quota.headers for quota in quotas]
    return {name: ", ".join(headers[name] for headers in each) for name in each[0]}


def _too_many(quotas: Sequence[Quota]) -> Response:
    caller, refused = quotas[0].caller, quotas[-1]
    if caller.kind == "user":
        context.user_id.set(caller.id)  # for the access line
    together = f" for all of this {refused.caller.kind} together" if len(quotas) > 1 else ""
    seconds = refused.retry_after
    return problem(
        429,
        "too_many_requests",
        f"{refused.counted.amount} requests in {refused.counted.seconds} seconds are allowed here"
        f"{together}. Try again in {seconds} seconds.",
        headers={"Retry-After": str(seconds), **_headers(quotas)},
        members={"limit": refused.name},
    )


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope["extensions"]:
        await send({"type": "websocket.close", "code": 1013})  # try again later
        return
    await response(scope, receive, send)
