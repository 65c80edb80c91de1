"""`/analytics/consent`."""

from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import load_settings
from app.extensions.analytics.models import CapturedEvent
from app.extensions.analytics.service import capture
from tests.extensions.analytics.probe import Paid
from tests.support.people import SignIn

PATH = "/api/v1/analytics/consent"


async def test_a_user_gives_and_withdraws_consent(
    client: AsyncClient, sign_in: SignIn, on: None
) -> None:
    ada, bob = await sign_in(), await sign_in()
    first = await client.get(PATH, headers=ada.headers)
    assert first.json() == {"given": False, "decided_at": None, "is_enabled": True}
    for given in (True, True, False):
        answer = await client.put(PATH, headers=ada.headers, json={"given": given})
        assert answer.status_code == 200, answer.text
        assert answer.json()["given"] is given
        assert (await client.get(PATH, headers=ada.headers)).json() == answer.json()
    await client.put(PATH, headers=ada.headers, json={"given": True})
    assert (await client.get(PATH, headers=bob.headers)).json()["given"] is False


async def test_without_a_key_nobody_can_agree(client: AsyncClient, sign_in: SignIn) -> None:
    ada = await sign_in()
    answer = await client.put(PATH, headers=ada.headers, json={"given": True})
    assert (answer.status_code, answer.json()["code"]) == (404, "analytics_off")
    read = await client.get(PATH, headers=ada.headers)
    assert read.json() == {"given": False, "decided_at": None, "is_enabled": False}


async def test_consent_is_withdrawn_without_a_key(
    client: AsyncClient,
    sign_in: SignIn,
    on: None,
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, bob = await sign_in(), await sign_in()
    for person in (ada, bob):
        await client.put(PATH, headers=person.headers, json={"given": True})
        await capture(session, Paid(order_id=UUID(int=1), plan="monthly"), user_id=person.id)
    await session.commit()
    monkeypatch.delenv("ANALYTICS_KEY")
    load_settings.cache_clear()
    answer = await client.put(PATH, headers=ada.headers, json={"given": False})
    assert (answer.status_code, answer.json()["given"]) == (200, False)
    assert (await client.get(PATH, headers=ada.headers)).json() == answer.json()
    waiting = (await session.exec(select(CapturedEvent.user_id))).all()
    assert waiting == [bob.id]


async def test_strangers_have_no_consent(client: AsyncClient) -> None:
    assert (await client.get(PATH)).status_code == 401
    assert (await client.put(PATH, json={"given": True})).status_code == 401
