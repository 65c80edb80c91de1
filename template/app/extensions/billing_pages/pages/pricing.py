"""The plans and what they cost, for everybody."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.money import shown
from app.extensions.pages.rendering import page

router = APIRouter()


@router.get("/pricing")
async def show_pricing(
    request: Request, account: Annotated[str, Query(max_length=63)] = ""
) -> Response:
    """The catalogue; the links to checkouts keep the account."""
    return page(
        request,
        "billing_pages/pricing.html",
        offered=catalogue(),
        shown=shown,
        account={"key": account},
    )
