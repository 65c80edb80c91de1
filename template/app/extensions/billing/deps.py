"""Dependencies for routes that a plan allows, for use by other features."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends

from app.core.database import DatabaseReader
from app.core.errors import ForbiddenError
from app.core.features import load
from app.extensions.billing.service.holders import Holder
from app.extensions.billing.service.plans import Standing, ensure_feature, plans_with, standing
from app.extensions.users.deps import CurrentUser


async def _caller(user: CurrentUser) -> Holder:
    return Holder(user.id)


_OF_FEATURES = [module.current_holder for _, module in load("billing")]

# Whose subscription the request is about: that of the caller, or what `current_holder` of a
# feature's `billing.py` returns. FastAPI reads the parameters of this dependency at its import.
CurrentHolder = Annotated[Holder, Depends(_OF_FEATURES[0] if _OF_FEATURES else _caller)]


async def _manager(holder: CurrentHolder) -> Holder:
    """Refuse a caller who may not buy."""
    if not holder.manages:
        raise ForbiddenError("Only those who manage payments may do this.", code="no_manager")
    return holder


CurrentManager = Annotated[Holder, Depends(_manager)]


async def _standing(holder: CurrentHolder, reader: DatabaseReader) -> Standing:
    return await standing(reader, holder.id)


# The plan of the caller, `plan.plan.key` or `plan.has("search")`.
CurrentPlan = Annotated[Standing, Depends(_standing)]


def require_feature(feature: str) -> Any:
    """Admit only callers whose plan has a feature; others get 402 `feature_not_in_plan`.

    _: Annotated[Standing, require_feature("search")]

    Raises:
        ValueError: no plan of the catalogue has it.
    """
    admitted = plans_with(feature)

    async def required(current: CurrentPlan) -> Standing:
        return ensure_feature(current, feature, admitted)

    check: Callable[[Standing], Awaitable[Standing]] = required
    return Depends(check)
