"""Dependencies for routes that cost credits, for use by other features."""

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from app.core.database import DatabaseSession
from app.core.errors import ForbiddenError
from app.core.features import load
from app.extensions.credits.service.charges import Charge as Charge
from app.extensions.credits.service.charges import charging_async
from app.extensions.credits.service.holders import Holder
from app.extensions.users.deps import CurrentUser, UserOrMachine

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A random text for each request. A repeated request counts once.",
    ),
]


async def _caller(user: CurrentUser) -> Holder:
    return Holder(user.id)


_OF_FEATURES = [module.current_holder for _, module in load("credits")]

# Whose account the request is about: that of the caller, or what `current_holder` of a feature's
# `credits.py` returns. FastAPI reads the parameters of this dependency when it is imported.
CurrentHolder = Annotated[Holder, Depends(_OF_FEATURES[0] if _OF_FEATURES else _caller)]


async def _manager(holder: CurrentHolder) -> Holder:
    """Refuse a caller who may only see the balance."""
    if not holder.manages:
        raise ForbiddenError("Only those who manage the account may see this.", code="no_manager")
    return holder


CurrentManager = Annotated[Holder, Depends(_manager)]

_FORMS = ("multipart/", "application/x-www-form-urlencoded")


def charge(operation: str, units: int | Callable[..., Any] = 1) -> Any:
    """Charge the account of a request, see `CurrentHolder`, by a parameter of the route.

        paid: Annotated[Charge, charge("docs.embed")]

    The credits are held before the route runs, taken when it returns, and released when it raises.
    `units` is a number, or a dependency that returns one. A request that repeats an
    Idempotency-Key is refused, because it would not be paid for: 409 `charge_in_progress` or
    `already_charged`, and 422 `idempotency_key_reused` if it is another request.

    The route uses the same session. Its uncommitted changes are committed with the payment.
    """
    count = units if callable(units) else lambda: units

    async def metered(
        request: Request,
        user: UserOrMachine,  # `CurrentHolder` decides about machines
        holder: CurrentHolder,
        session: DatabaseSession,
        counted: Annotated[int, Depends(count)],
        key: IdempotencyKey = None,
    ) -> AsyncIterator[Charge]:
        asked: dict[str, str] = {}
        if key:
            asked["key"] = holder.key(user.id, key)
            asked["fingerprint"] = await _fingerprint(request)
        async with charging_async(session, holder.id, operation, counted, **asked) as begun:
            yield begun
        await session.commit()

    return Depends(metered, scope="function")


async def _fingerprint(request: Request) -> str:
    """Return a hash that is the same for a repeated request; the body of a form is left out."""
    kind = request.headers.get("content-type", "")
    # FastAPI has parsed a form before, and Starlette does not keep its body.
    body = b"" if kind.startswith(_FORMS) else await request.body()
    parts = (request.method, request.url.path, request.url.query)
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + body).hexdigest()
