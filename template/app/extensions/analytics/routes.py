"""`/analytics/consent`: whether events of the caller may be captured."""

from fastapi import APIRouter

from app.core.database import DatabaseSession
from app.core.settings import load_settings
from app.extensions.analytics.models import Consent
from app.extensions.analytics.schemas import ConsentRead, ConsentUpdate
from app.extensions.analytics.service import consent
from app.extensions.analytics.settings import AnalyticsSettings
from app.extensions.users.deps import CurrentUser

router = APIRouter()


@router.get("/consent", summary="Read my consent to analytics")
async def read_consent(user: CurrentUser, session: DatabaseSession) -> ConsentRead:
    """The caller's decision; without one, nothing is captured."""
    return _read(await consent.read(session, user.id))


@router.put("/consent", summary="Give or withdraw my consent to analytics")
async def decide(
    user: CurrentUser, decision: ConsentUpdate, session: DatabaseSession
) -> ConsentRead:
    """Decide about the events that follow. A withdrawal also deletes those that are not sent."""
    return _read(await consent.decide(session, user.id, given=decision.given))


def _read(found: Consent | None) -> ConsentRead:
    return ConsentRead(
        given=bool(found and found.given),
        decided_at=found.decided_at if found else None,
        is_enabled=load_settings(AnalyticsSettings).key is not None,
    )
