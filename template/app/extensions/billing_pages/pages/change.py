"""Another plan or number of seats: first what it costs, then the change."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseSession
from app.core.errors import AppError
from app.extensions.billing.schemas import ChangePreview
from app.extensions.billing.service import changes
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.money import shown
from app.extensions.billing.service.plans import Standing
from app.extensions.billing_pages.deps import ManagedAccount, VisitorPlan
from app.extensions.billing_pages.pages.leading import see_other
from app.extensions.billing_pages.pages.overview import show_billing
from app.extensions.billing_pages.schemas import Change
from app.extensions.billing_pages.service import Account
from app.extensions.pages.forms import read_form
from app.extensions.pages.rendering import page

router = APIRouter()


@router.get("/billing/change")
async def show_change(
    request: Request,
    account: ManagedAccount,
    current: VisitorPlan,
    session: DatabaseSession,
    price: Annotated[str, Query(max_length=80)] = "",
    seats: Annotated[int | None, Query(ge=1, le=100_000)] = None,
) -> Response:
    """The form; with a number of seats also what the change costs now."""
    wanted, count = price or current.price or "", seats or current.seats
    chosen: dict[str, object] = {"price": wanted, "seats": count}
    preview: ChangePreview | None = None
    errors: dict[str, str] = {}
    status = 200
    if seats:
        count = _seats(wanted, seats)
        chosen["seats"] = count
        try:
            preview = await changes.preview(session, account.holder.id, wanted, count)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return _form(request, account, current, chosen, preview, errors, status)


@router.post("/billing/change")
async def change(
    request: Request, account: ManagedAccount, current: VisitorPlan, session: DatabaseSession
) -> Response:
    """Change the subscription, and pay the difference."""
    form = await read_form(request, Change)
    errors, status = form.errors, 422
    if form.data:
        try:
            count = _seats(form.data.price, form.data.seats)
            await changes.change(session, account.holder.id, form.data.price, count)
            return see_other(request, show_billing, account, "The subscription is changed.")
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return _form(request, account, current, form.values, None, errors, status)


def _seats(price: str, seats: int) -> int:
    """Return the number of seats: of a plan that is not paid by the seat, the only one."""
    known = catalogue().priced(price)
    return 1 if known and known[0].max_seats == 1 else seats


def _form(
    request: Request,
    account: Account,
    current: Standing,
    values: dict[str, object],
    preview: ChangePreview | None,
    errors: dict[str, str],
    status: int,
) -> Response:
    return page(
        request,
        "billing_pages/change.html",
        status=status,
        account=account,
        current=current,
        offered=catalogue(),
        preview=preview,
        shown=shown,
        values=values,
        errors=errors,
    )
