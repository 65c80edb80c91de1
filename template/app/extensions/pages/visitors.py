"""Who uses a page; the parameters of a page name one of these.

Somebody who has not signed in is led to the sign-in, and back afterwards.
"""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import AppError, UnauthenticatedError
from app.core.supabase.auth import user_of_token
from app.core.supabase.clients import SupabaseProject
from app.extensions.pages.addresses import address, path_of
from app.extensions.sessions import deps
from app.extensions.sessions.service import credentials
from app.extensions.sessions.service.browser import browser_of
from app.extensions.sessions.service.store import Session
from app.extensions.users.deps import LIVE_CHECKS
from app.extensions.users.schemas import UserRead

# A user who may use the application.
Visitor = Annotated[UserRead, Depends(deps.active_visitor)]
# A user who has signed in, also one who still waits for approval.
AnyVisitor = Annotated[UserRead, Depends(deps.visitor)]
CurrentSession = deps.CurrentSession


async def active_user(request: Request) -> UserRead | None:
    """Return the user of the session who may use the application, for what every page shows."""
    session: Session | None = request.state.session
    if session is None:
        return None
    try:
        return await deps.active_visitor(await deps.visitor(request, session))
    except AppError:
        return None


async def _live_visitor(
    request: Request, session: CurrentSession, user: Visitor, supabase: SupabaseProject
) -> UserRead:
    if await user_of_token(supabase, session.tokens(browser_of(request)).access) is None:
        raise UnauthenticatedError("This session has ended: sign in again.", code="session_ended")
    return user


LIVE_CHECKS.add(_live_visitor)
# A user whose session still exists at Auth, which costs a round trip for each request.
LiveVisitor = Annotated[UserRead, Depends(_live_visitor)]


def to_confirm(
    request: Request, session: Session, then: Callable[..., Any], **values: Any
) -> Response | None:
    """Ask a visitor to prove again who they are; None if they have just done it.

    Args:
        request: the request for a change with which somebody could take over the account.
        session: of the visitor.
        then: the page to which the visitor is led back.
        values: the values in the path of that page.
    """
    if credentials.is_confirmed(session):
        return None
    query = urlencode({"next": address(request, then, **values)})
    return RedirectResponse(f"{path_of(request, 'account:show_confirm')}?{query}", 303)
