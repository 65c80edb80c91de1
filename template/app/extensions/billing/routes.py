"""`/billing`: plans, the caller's subscription and invoices, and pages of Stripe to pay."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import select

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import KeysetPage
from app.extensions.billing.deps import CurrentManager, CurrentPlan
from app.extensions.billing.errors import NotSubscribedError
from app.extensions.billing.models import customers
from app.extensions.billing.schemas import (
    CatalogueRead,
    ChangePreview,
    ChangeRequest,
    InvoiceQuery,
    InvoiceRead,
    PackRead,
    PageRead,
    PlanRead,
    PriceRead,
    PurchaseRequest,
    SubscribeRequest,
    SubscriptionRead,
)
from app.extensions.billing.service import changes, checkout
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.invoices import INVOICES
from app.extensions.billing.service.plans import Standing, standing

router = APIRouter()


@router.get("/plans", summary="List plans and packs")
async def list_plans() -> CatalogueRead:
    """The catalogue. Everybody can read it."""
    offered = catalogue()
    return CatalogueRead(
        plans=[
            PlanRead(
                key=plan.key,
                name=plan.name,
                description=plan.description,
                features=sorted(plan.features),
                trial_days=plan.trial_days,
                max_seats=plan.max_seats,
                prices=[PriceRead.model_validate(price) for price in plan.prices],
            )
            for plan in offered.plans
        ],
        packs=[PackRead.model_validate(pack) for pack in offered.packs],
    )


@router.get("/subscription", summary="Read my plan")
async def read_subscription(current: CurrentPlan) -> SubscriptionRead:
    """The plan that applies now, and the subscription that it comes from."""
    return _read(current)


@router.post("/subscription", summary="Subscribe")
async def subscribe(
    holder: CurrentManager, order: SubscribeRequest, session: DatabaseSession
) -> PageRead:
    """Start a checkout. The subscription exists once its page was completed."""
    url = await checkout.subscribe(session, holder.id, order.price, order.seats, order.code)
    return PageRead(url=url)


@router.post("/subscription/refresh", summary="Read my subscription at Stripe")
async def refresh(
    holder: CurrentManager, session: DatabaseSession, reader: DatabaseReader
) -> SubscriptionRead:
    """Read what Stripe has, for the page after a checkout, which may be faster than the webhook."""
    statement: Any = select(customers.c.stripe_id).where(customers.c.holder_id == holder.id)
    customer = (await session.exec(statement)).scalar_one_or_none()
    await session.rollback()
    if customer is None:
        raise NotSubscribedError
    await changes.refresh(session, holder.id, customer)
    return _read(await standing(reader, holder.id))


@router.post("/subscription/preview", summary="Preview a change")
async def preview_change(
    holder: CurrentManager, order: ChangeRequest, session: DatabaseSession
) -> ChangePreview:
    """What a change would cost now."""
    return await changes.preview(session, holder.id, order.price, order.seats)


@router.patch("/subscription", summary="Change my subscription")
async def change_subscription(
    holder: CurrentManager, order: ChangeRequest, session: DatabaseSession, reader: DatabaseReader
) -> SubscriptionRead:
    """Change to another price or number of seats, and pay the difference at once."""
    await changes.change(session, holder.id, order.price, order.seats)
    return _read(await standing(reader, holder.id))


@router.post("/subscription/cancel", summary="Cancel my subscription")
async def cancel(
    holder: CurrentManager, session: DatabaseSession, reader: DatabaseReader
) -> SubscriptionRead:
    """Let it end with the period that is paid."""
    await changes.cancel(session, holder.id, cancelled=True)
    return _read(await standing(reader, holder.id))


@router.post("/subscription/resume", summary="Undo a cancellation")
async def resume(
    holder: CurrentManager, session: DatabaseSession, reader: DatabaseReader
) -> SubscriptionRead:
    """Let it go on after the period that is paid."""
    await changes.cancel(session, holder.id, cancelled=False)
    return _read(await standing(reader, holder.id))


@router.post("/purchases", summary="Buy packs")
async def buy(holder: CurrentManager, order: PurchaseRequest, session: DatabaseSession) -> PageRead:
    """Start a checkout that is paid once."""
    return PageRead(url=await checkout.buy(session, holder.id, order.pack, order.quantity))


@router.post("/portal", summary="Open the portal")
async def open_portal(holder: CurrentManager, session: DatabaseSession) -> PageRead:
    """Stripe's page with invoices and means of payment."""
    return PageRead(url=await checkout.portal(session, holder.id))


@router.get("/invoices", summary="List my invoices")
async def list_invoices(
    holder: CurrentManager, query: Annotated[InvoiceQuery, Query()], reader: DatabaseReader
) -> KeysetPage[InvoiceRead]:
    """The invoices, newest first."""
    return await INVOICES.page(reader, query, holder_id=holder.id)


def _read(current: Standing) -> SubscriptionRead:
    return SubscriptionRead(
        plan=current.plan.key,
        features=sorted(current.plan.features),
        status=current.status,
        price=current.price,
        seats=current.seats,
        amount=current.amount,
        currency=current.currency,
        interval=current.interval,
        period_end=current.period_end,
        trial_end=current.trial_end,
        cancel_at_period_end=current.cancel_at_period_end,
        grace_until=current.grace_until,
    )
