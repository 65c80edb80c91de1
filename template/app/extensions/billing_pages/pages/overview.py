"""The subscription of an account, its invoices, and what can be done about them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import KeysetPage
from app.extensions.billing.schemas import InvoiceQuery, InvoiceRead
from app.extensions.billing.service import changes, checkout, holders
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.invoices import INVOICES
from app.extensions.billing.service.money import shown
from app.extensions.billing_pages import service
from app.extensions.billing_pages.deps import CurrentAccount, ManagedAccount, VisitorPlan
from app.extensions.billing_pages.pages.leading import back, see_other, to_stripe
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import Visitor

router = APIRouter()

INVOICES_ON_PAGE = 12
# Stripe's texts, to which it may add others.
STATUSES = {
    "active": "Active",
    "trialing": "Trial",
    "past_due": "Payment failed",
    "unpaid": "Unpaid",
    "paused": "Paused",
}


@router.get("/billing")
async def show_billing(
    request: Request,
    visitor: Visitor,
    account: CurrentAccount,
    current: VisitorPlan,
    reader: DatabaseReader,
    session: DatabaseSession,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The plan, and for those who manage payments the forms and invoices."""
    holder = account.holder
    invoices = KeysetPage[InvoiceRead](items=[], next_cursor=None)
    managers: list[str] = []
    if holder.manages:
        query = InvoiceQuery(limit=INVOICES_ON_PAGE, cursor=cursor)
        invoices = await INVOICES.page(reader, query, holder_id=holder.id)
    else:
        managers = await service.managers(reader, session, holder.id)
    people = await holders.people(session, holder.id)
    await session.rollback()
    return page(
        request,
        "billing_pages/overview.html",
        account=account,
        accounts=await service.accounts(reader, visitor.id),
        current=current,
        status_text=STATUSES.get(current.status or "", current.status),
        people=people,
        managers=managers,
        invoices=invoices,
        is_first=cursor is None,
        packs=catalogue().packs,
        shown=shown,
    )


@router.post("/billing/cancel")
async def cancel(request: Request, account: ManagedAccount, session: DatabaseSession) -> Response:
    """Let the subscription end with the period that is paid."""
    await changes.cancel(session, account.holder.id, cancelled=True)
    message = "The subscription ends with the period that is paid."
    return see_other(request, show_billing, account, message)


@router.post("/billing/resume")
async def resume(request: Request, account: ManagedAccount, session: DatabaseSession) -> Response:
    """Undo the cancellation."""
    await changes.cancel(session, account.holder.id, cancelled=False)
    return see_other(request, show_billing, account, "The subscription goes on.")


@router.post("/billing/portal")
async def open_portal(
    request: Request, account: ManagedAccount, session: DatabaseSession
) -> Response:
    """Lead to the portal of Stripe."""
    here = back(request, show_billing, account)
    return to_stripe(request, await checkout.portal(session, account.holder.id, here))
