"""Dependencies for routes of every feature that cost credits."""

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
        description="Makes a request that is sent again count once; a random word for each.",
    ),
]

_FORMS = ("multipart/", "application/x-www-form-urlencoded")


def charge(operation: str, units: int | Callable[..., Any] = 1) -> Any:
    """Meter a route by one of its parameters.

        paid: Annotated[Charge, charge("docs.embed")]

    The caller's credits are held before the route runs, taken when it returns, and given back when
    it raises. `units` is how many, or a dependency that counts them. A request that repeats an
    Idempotency-Key is refused rather than carried out unpaid: 409 `charge_in_progress` or
    `already_charged`, and 422 `idempotency_key_reused` if it is another request.

    The session is the route's own: what it leaves uncommitted is committed with the payment.
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
    """What makes a request the same when it comes again. The body of a form was read already."""
    kind = request.headers.get("content-type", "")
    body = b"" if kind.startswith(_FORMS) else await request.body()
    parts = (request.method, request.url.path, request.url.query)
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + body).hexdigest()
