"""The organization of a page, for pages of every feature.

    @router.get("/organizations/{organization}/teas")
    async def show_teas(request: Request, scope: PageOrganization) -> Response:
        return organization_page(request, scope, "teas/list.html")

Such a page extends `organizations/frame.html`, which links to the sections of the organization. A
feature adds one with its `pages.py`:

    SECTIONS = {"Teas": Section("teas:show_teas")}
"""

from collections.abc import Awaitable
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Path, Request
from starlette.responses import HTMLResponse

from app.core.database import DatabaseReader
from app.core.errors import AppError
from app.core.features import load
from app.extensions.organizations.deps import Scope, scope_of
from app.extensions.organizations.service import roles
from app.extensions.pages.addresses import path_of
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import Visitor
from app.extensions.sessions.service.browser import host_cookie, set_cookie

COOKIE, INVITATION = "organization", "invitation"
KEPT_SECONDS = 86_400
# Refusals that a form shows. Who may not make the change, or is no member any more, gets the page
# of the error instead: the form may show what is not for them.
SHOWN = (402, 409, 422)


class Section(NamedTuple):
    """A page of each organization, and the roles that see it; None for all members."""

    page: str
    roles: tuple[str, ...] | None = None


async def _from_path(
    request: Request,
    visitor: Visitor,
    reader: DatabaseReader,
    organization: Annotated[str, Path(max_length=63)],
) -> Scope:
    scope = await scope_of(request, visitor, reader, organization)
    request.state.header |= {"organization": scope.slug, "organization_name": scope.name}
    if last_slug(request) != scope.slug:
        set_cookie(request, host_cookie(COOKIE), scope.slug)
    return scope


# The visitor is a member of the organization in the path; everybody else gets 404.
PageOrganization = Annotated[Scope, Depends(_from_path)]


def last_slug(request: Request) -> str | None:
    """Return the slug of the organization that this browser has visited last.

    The visitor need not be a member: another one may have signed in since.
    """
    return request.cookies.get(host_cookie(COOKIE))


def keep_token(request: Request, token: str) -> None:
    """Keep the token of an invitation until its user has signed in; no script can read it."""
    set_cookie(request, host_cookie(INVITATION), f"{token}; Max-Age={KEPT_SECONDS}")


def kept_token(request: Request) -> str | None:
    """Return the token that `keep_token` has kept."""
    return request.cookies.get(host_cookie(INVITATION))


def forget_token(request: Request) -> None:
    """Forget the token: it works once."""
    set_cookie(request, host_cookie(INVITATION), "; Max-Age=0")


def organization_page(
    request: Request, scope: Scope, template: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Render a template that extends `organizations/frame.html`."""
    return page(
        request,
        template,
        status=status,
        scope=scope,
        sections=sections_of(request, scope),
        **values,
    )


async def refusal(change: Awaitable[object]) -> AppError | None:
    """Make a change; return why it does not fit, for the form that has asked for it."""
    try:
        await change
    except AppError as error:
        if error.status not in SHOWN:
            raise
        return error
    return None


def sections_of(request: Request, scope: Scope) -> dict[str, str]:
    """Return the links to the sections that a member sees, label to path."""
    found: dict[str, str] = {}
    for _, module in load("pages"):
        for label, (name, admitted) in getattr(module, "SECTIONS", {}).items():
            if admitted is None or roles.allows(scope.role, *admitted):
                found[label] = path_of(request, name, organization=scope.slug)
    return found
