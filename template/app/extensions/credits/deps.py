"""Dependencies for routes that cost credits, for use by other features."""

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from app.core.database import DatabaseSession
from app.extensions.credits.service.charges import Charge as Charge
from app.extensions.credits.service.charges import charging_async
from app.extensions.users.deps import CurrentUser

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A random text for each request. A repeated request counts once.",
    ),
]

_FORMS = ("multipart/", "application/x-www-form-urlencoded")


def charge(operation: str, units: int | Callable[..., Any] = 1) -> Any:
    """Charge the caller for a request, by a parameter of the route.

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
        user: CurrentUser,
        session: DatabaseSession,
        counted: Annotated[int, Depends(count)],
        key: IdempotencyKey = None,
    ) -> AsyncIterator[Charge]:
        asked = {"key": f"request:{key}", "fingerprint": await _fingerprint(request)} if key else {}
        async with charging_async(session, user.id, operation, counted, **asked) as begun:
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
