"""Dependencies for the organization of a request, for routes of every feature.

A feature whose routes are below `/organizations/{organization}/…` takes `CurrentOrganization`. One
with paths of its own takes `HeaderOrganization`.
"""

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from app.core.database import DatabaseReader, Reader
from app.core.errors import ForbiddenError, NotFoundError
from app.core.features import load
from app.extensions.organizations.service import scope
from app.extensions.organizations.service.scope import Scope as Scope
from app.extensions.users.deps import UserOrMachine
from app.extensions.users.schemas import UserRead

HEADER = "X-Organization"

Slug = Annotated[str, Path(max_length=63, description="The slug of the organization.")]


async def _from_path(
    request: Request, user: UserOrMachine, reader: DatabaseReader, organization: Slug
) -> Scope:
    return await scope_of(request, user, reader, organization)


async def _from_header(
    request: Request,
    user: UserOrMachine,
    reader: DatabaseReader,
    organization: Annotated[
        str, Header(alias=HEADER, max_length=63, description="The slug of the organization.")
    ],
) -> Scope:
    return await scope_of(request, user, reader, organization)


async def scope_of(request: Request, user: UserRead, reader: Reader, slug: str) -> Scope:
    """Return the scope of a member, or of a guest.

    Raises:
        NotFoundError: `organization_not_found`, for everybody else.

    A feature can admit guests: its module `organizations.py` has `guest`, which returns their
    scope, or None for everybody else:

        async def guest(request, user, slug) -> Scope | None: ...
    """
    try:
        return await scope.by_slug(reader, user.id, slug)
    except NotFoundError:
        for _, module in load("organizations"):
            if hasattr(module, "guest") and (found := await module.guest(request, user, slug)):
                admitted: Scope = found
                return admitted
        raise


async def _named(
    request: Request,
    user: UserOrMachine,
    reader: DatabaseReader,
    named: Annotated[
        str | None,
        Header(
            alias=HEADER,
            max_length=63,
            description="The slug of the organization; without it, the caller works alone.",
        ),
    ] = None,
) -> Scope | None:
    slug = request.path_params.get("organization") or named
    if slug:
        return await scope_of(request, user, reader, slug)
    if user.machine:
        raise ForbiddenError(
            f"This is for users: name an organization in the header {HEADER}.",
            code="user_required",
        )
    return None


# The caller is a member, a person or a machine; everybody else gets 404.
CurrentOrganization = Annotated[Scope, Depends(_from_path)]
HeaderOrganization = Annotated[Scope, Depends(_from_header)]
# The organization in the path or, without one there, in the header; None if neither names one, for
# people only.
NamedOrganization = Annotated[Scope | None, Depends(_named)]
