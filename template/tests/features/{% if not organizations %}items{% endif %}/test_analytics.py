"""What analytics learns about items."""

import pytest
from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import load_settings
from app.extensions.analytics.models import CapturedEvent
from app.features.items import service
from tests.support.people import SignIn


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> None:
    monkeypatch.setenv("ANALYTICS_KEY", "phc_key")
    load_settings.cache_clear()


async def test_items_that_are_added_and_completed_are_captured(
    client: AsyncClient, session: AsyncSession, sign_in: SignIn, key: None
) -> None:
    ada = await sign_in()
    path, consent = "/api/v1/items", "/api/v1/analytics/consent"
    await client.put(consent, json={"given": True}, headers=ada.headers)
    created = await client.post(path, json={"title": "Secret"}, headers=ada.headers)
    item = created.json()["id"]
    for changes in ({"title": "Other"}, {"done": True}, {"done": True}):
        await client.patch(f"{path}/{item}", json=changes, headers=ada.headers)
    for _ in range(2):
        await client.post(path, json={"title": "Secret"}, headers=ada.headers)
    assert await service.complete_all(session, ada.id) == 2
    await session.commit()
    found = await session.exec(select(CapturedEvent).order_by(col(CapturedEvent.id)))
    events = [(event.name, event.properties) for event in found]
    assert events[0] == ("item_created", {"item_id": item})
    assert [name for name, _ in events].count("item_created") == 3
    completed = [properties for name, properties in events if name == "item_completed"]
    assert completed == [{"count": 1}, {"count": 2}]
