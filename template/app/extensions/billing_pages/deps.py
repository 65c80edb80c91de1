"""Dependencies for pages that a plan allows, for use by other features.

They are those of `billing.deps`, for people who have signed in with a browser.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from app.core.database import DatabaseReader
from app.core.errors import ForbiddenError
from app.core.features import load
from app.extensions.billing.service.plans import Standing, ensure_feature, plans_with, standing
from app.extensions.billing_pages import service
from app.extensions.billing_pages.service import Account
from app.extensions.sessions.deps import active_visitor
from app.extensions.users.schemas import UserRead


async def _account(
    request: Request,
    visitor: Annotated[UserRead, Depends(active_visitor)],
    reader: DatabaseReader,
    account: Annotated[str, Query(max_length=63)] = "",
) -> Account:
    named = (module.named(request) for _, module in load(service.HOOK))
    key = next((key for key in named if key), account)
    found = await service.account(reader, visitor.id, key)
    request.state.billing_account = found  # for the page of a missing feature
    return found


# Whose subscription a page is about: what its path or `?account=` names, or the visitor.
CurrentAccount = Annotated[Account, Depends(_account)]


async def _manager(account: CurrentAccount) -> Account:
    """Refuse a visitor who may not buy."""
    if not account.holder.manages:
        raise ForbiddenError("Only those who manage payments may do this.", code="no_manager")
    return account


ManagedAccount = Annotated[Account, Depends(_manager)]


async def _standing(account: CurrentAccount, reader: DatabaseReader) -> Standing:
    return await standing(reader, account.holder.id)


# The plan of the account, `plan.plan.key` or `plan.has("search")`.
VisitorPlan = Annotated[Standing, Depends(_standing)]


def require_feature(feature: str) -> Any:
    """Admit only visitors whose plan has a feature; others see which plans have it.

    _: Annotated[Standing, require_feature("search")]

    Programs get 402 `feature_not_in_plan` as problem+json.

    Raises:
        ValueError: no plan of the catalogue has it.
    """
    admitted = plans_with(feature)

    async def required(current: VisitorPlan) -> Standing:
        return ensure_feature(current, feature, admitted)

    check: Callable[[Standing], Awaitable[Standing]] = required
    return Depends(check)
