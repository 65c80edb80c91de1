"""Who uses a page; the parameters of a page name one of these.

Somebody who has not signed in is led to the sign-in, and back afterwards.
"""

from typing import Annotated

from fastapi import Depends

from app.extensions.sessions import deps
from app.extensions.users.schemas import UserRead

# A user who may use the application.
Visitor = Annotated[UserRead, Depends(deps.active_visitor)]
# A user who has signed in, also one who still waits for approval.
AnyVisitor = Annotated[UserRead, Depends(deps.visitor)]
CurrentSession = deps.CurrentSession
