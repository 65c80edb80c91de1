"""To Stripe to pay, and back."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from app.core.database import DatabaseReader, DatabaseSession
from app.core.errors import AppError, NotFoundError, UnavailableError
from app.extensions.billing.service import checkout, returning
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.money import shown
from app.extensions.billing_pages import service
from app.extensions.billing_pages.deps import CurrentAccount, ManagedAccount, VisitorPlan
from app.extensions.billing_pages.pages.change import show_change
from app.extensions.billing_pages.pages.leading import back, path, see_other, to_stripe
from app.extensions.billing_pages.pages.overview import show_billing
from app.extensions.billing_pages.schemas import Purchase, Subscribe
from app.extensions.billing_pages.service import Account
from app.extensions.pages.forms import read_form
from app.extensions.pages.rendering import page, wants_part
from app.extensions.pages.visitors import Visitor

router = APIRouter()

# How often the page after a checkout looks again, every two seconds.
TRIES = 30


@router.get("/billing/checkout/{price}")
async def show_checkout(
    request: Request,
    visitor: Visitor,
    price: str,
    account: CurrentAccount,
    current: VisitorPlan,
    reader: DatabaseReader,
    session: DatabaseSession,
) -> Response:
    """The form before the checkout; whoever has a subscription changes it instead."""
    if current.status and account.holder.manages:
        return RedirectResponse(path(request, show_change, account, {"price": price}), 303)
    return await _form(request, reader, session, visitor, account, price)


@router.post("/billing/checkout/{price}")
async def start_checkout(
    request: Request,
    visitor: Visitor,
    price: str,
    account: ManagedAccount,
    reader: DatabaseReader,
    session: DatabaseSession,
) -> Response:
    """Lead to the checkout."""
    form = await read_form(request, Subscribe)
    errors = form.errors
    status = 422
    if form.data:
        here = back(request, return_from_checkout, account)
        order = (price, form.data.seats or 1, form.data.code, here)
        try:
            return to_stripe(request, await checkout.subscribe(session, account.holder.id, *order))
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    found = (reader, session, visitor, account, price)
    return await _form(request, *found, values=form.values, errors=errors, status=status)


@router.post("/billing/packs")
async def buy_packs(
    request: Request, account: ManagedAccount, session: DatabaseSession
) -> Response:
    """Lead to the checkout of packs."""
    form = await read_form(request, Purchase)
    if form.data is None:
        return see_other(request, show_billing, account, "Choose between 1 and 100 packs.")
    here = back(request, return_from_checkout, account)
    order = (form.data.pack, form.data.quantity, here)
    return to_stripe(request, await checkout.buy(session, account.holder.id, *order))


@router.get("/billing/return")
async def return_from_checkout(
    request: Request,
    account: ManagedAccount,
    session: DatabaseSession,
    checkout: Annotated[str, Query(max_length=20)] = "",
    session_id: Annotated[str, Query(max_length=255)] = "",
    tries: Annotated[int, Query(ge=0, le=TRIES)] = 0,
) -> Response:
    """Wait until the payment is known here: each visit reads it anew at Stripe.

    If Stripe does not answer, that says nothing about the payment, so the page waits as well.
    """
    if checkout != "success":
        return see_other(request, show_billing, account, "Nothing was paid.")
    try:
        found = await returning.outcome(session, account.holder.id, session_id)
    except UnavailableError:
        found = returning.Outcome(done=False, page=None)
    if found.done:
        done = see_other(request, show_billing, account, "Thank you: the payment has arrived.")
        if wants_part(request):
            return Response(headers={"HX-Redirect": done.headers["location"]})
        return done
    query = {"checkout": checkout, "session_id": session_id, "tries": tries + 1}
    waits = tries < TRIES and found.page is None
    return page(
        request,
        "billing_pages/wait.html",
        block="state",
        account=account,
        again=path(request, return_from_checkout, account, query) if waits else None,
        open_page=found.page,
    )


async def _form(
    request: Request,
    reader: DatabaseReader,
    session: DatabaseSession,
    visitor: Visitor,
    account: Account,
    price: str,
    *,
    values: dict[str, object] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    known = catalogue().priced(price)
    if known is None:
        raise NotFoundError("There is no such price.", code="price_not_found")
    holder = account.holder
    return page(
        request,
        "billing_pages/checkout.html",
        status=status,
        plan=known[0],
        price=known[1],
        shown=shown,
        account=account,
        accounts=await service.accounts(reader, visitor.id),
        managers=[] if holder.manages else await service.managers(reader, session, holder.id),
        values=values or {"seats": 1},
        errors=errors,
    )
