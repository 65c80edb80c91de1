"""An event and a route."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter

from app.core.database import DatabaseSession
from app.extensions.analytics.service import Event, capture
from app.extensions.users.deps import CurrentUser

router = APIRouter(prefix="/probe")


class Paid(Event, name="probe_paid", on="probe.paid"):
    """Something was paid."""

    order_id: UUID
    plan: Literal["monthly", "yearly"]


@router.post("/pay/{order_id}")
async def pay(_: CurrentUser, order_id: UUID, session: DatabaseSession) -> None:
    """Pay."""
    await capture(session, Paid(order_id=order_id, plan="yearly"))
    await session.commit()
