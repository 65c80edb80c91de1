"""Whose documents a request is about: the caller's, or those of what another feature says.

Such a feature has a `documents.py` with the dependency `current_owner`, which returns an `Owner`,
with `OWNERS`, the name of the table of its owners, and with `may_read`, see `service`.
"""

from typing import Annotated

from fastapi import Depends

from app.core.features import load
from app.extensions.documents.schemas import Owner
from app.extensions.users.deps import CurrentUser


async def _caller(user: CurrentUser) -> Owner:
    return Owner(id=user.id, user_id=user.id)


_OF_FEATURES = [module for _, module in load("documents")]
_PROVIDED = [module.current_owner for module in _OF_FEATURES] or [_caller]

# FastAPI reads the parameters of this dependency when it is imported.
CurrentOwner = Annotated[Owner, Depends(_PROVIDED[0])]

# The tables in which the owners of documents are.
OWNERS: tuple[str, ...] = ("users", *(module.OWNERS for module in _OF_FEATURES))
