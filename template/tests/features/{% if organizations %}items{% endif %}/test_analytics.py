"""What analytics learns about items."""

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import load_settings
from app.extensions.analytics.models import CapturedEvent
from tests.support.tenants import Tenants


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> None:
    monkeypatch.setenv("ANALYTICS_KEY", "phc_key")
    load_settings.cache_clear()


async def test_items_that_are_added_and_completed_are_captured(
    tenants: Tenants, session: AsyncSession, key: None
) -> None:
    acme = await tenants.create()
    ada = acme.people["owner"]
    consent = "/api/v1/analytics/consent"
    await acme.client.put(consent, json={"given": True}, headers=ada.headers)
    created = await acme.ask("owner", "POST", "/items", {"title": "Secret"})
    item = created.json()["id"]
    for changes in ({"title": "Other"}, {"done": True}, {"done": True}):
        await acme.ask("owner", "PATCH", f"/items/{item}", changes)
    found = await session.exec(select(CapturedEvent).order_by(col(CapturedEvent.id)))
    group = {"$groups": {"organization": str(acme.id)}}
    assert [(event.name, event.properties) for event in found] == [
        ("item_created", {"item_id": item} | group),
        ("item_completed", {"count": 1} | group),
    ]
