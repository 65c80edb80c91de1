"""Who uses a page; the parameters of a page name one of these.

Somebody who has not signed in is led to the sign-in, and back afterwards.
"""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from app.extensions.pages.addresses import address, path_of
from app.extensions.sessions import deps
from app.extensions.sessions.service import credentials
from app.extensions.sessions.service.store import Session
from app.extensions.users.schemas import UserRead

# A user who may use the application.
Visitor = Annotated[UserRead, Depends(deps.active_visitor)]
# A user who has signed in, also one who still waits for approval.
AnyVisitor = Annotated[UserRead, Depends(deps.visitor)]
CurrentSession = deps.CurrentSession


def to_confirm(request: Request, session: Session, then: Callable[..., Any]) -> Response | None:
    """Ask a visitor to prove again who they are; None if they have just done it.

    Args:
        request: the request for a change with which somebody could take over the account.
        session: of the visitor.
        then: the page to which the visitor is led back, without values in its path.
    """
    if credentials.is_confirmed(session):
        return None
    query = urlencode({"next": address(request, then)})
    return RedirectResponse(f"{path_of(request, 'account:show_confirm')}?{query}", 303)
