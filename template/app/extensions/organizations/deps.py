"""Dependencies for the organization of a request, for routes of every feature.

A feature whose routes are below `/organizations/{organization}/…` takes `CurrentOrganization`. One
with paths of its own takes `HeaderOrganization`.
"""

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from app.core.database import DatabaseReader
from app.extensions.organizations.service import scope
from app.extensions.organizations.service.scope import Scope as Scope
from app.extensions.users.deps import CurrentUser

HEADER = "X-Organization"

Slug = Annotated[str, Path(max_length=63, description="The slug of the organization.")]


async def _from_path(user: CurrentUser, reader: DatabaseReader, organization: Slug) -> Scope:
    return await scope.by_slug(reader, user.id, organization)


async def _from_header(
    user: CurrentUser,
    reader: DatabaseReader,
    organization: Annotated[
        str, Header(alias=HEADER, max_length=63, description="The slug of the organization.")
    ],
) -> Scope:
    return await scope.by_slug(reader, user.id, organization)


async def _named(
    request: Request,
    user: CurrentUser,
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
    return await scope.by_slug(reader, user.id, slug) if slug else None


# The caller is a member; everybody else gets 404.
CurrentOrganization = Annotated[Scope, Depends(_from_path)]
HeaderOrganization = Annotated[Scope, Depends(_from_header)]
# The organization in the path or, without one there, in the header; None if neither names one.
NamedOrganization = Annotated[Scope | None, Depends(_named)]
