"""Refuses requests over their limit, before a body is read and before a route runs."""

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
            quota = await limiter.take(scope, policy)
        except LimitsUnavailableError as error:
            headers = {"Retry-After": str(error.retry_after)}
            response = problem(error.status, error.code, error.detail, headers=headers)
            await _refuse(response, scope, receive, send)
            return
        if not quota.window.taken:
            count("app_limits_refused_total", policy.name)
            await _refuse(_too_many(quota), scope, receive, send)
            return
        headers_of_limit = [(k.lower().encode(), v.encode()) for k, v in quota.headers.items()]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(headers_of_limit)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _too_many(quota: Quota) -> Response:
    if quota.caller.kind == "user":
        context.user_id.set(quota.caller.id)  # for the access line
    seconds = quota.retry_after
    return problem(
        429,
        "too_many_requests",
        f"{quota.amount} requests in {quota.policy.seconds} seconds are allowed here. Try again in "
        f"{seconds} seconds.",
        headers={"Retry-After": str(seconds), **quota.headers},
        members={"limit": quota.policy.name},
    )


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope["extensions"]:
        await send({"type": "websocket.close", "code": 1013})  # try again later
        return
    await response(scope, receive, send)
