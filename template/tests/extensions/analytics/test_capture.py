"""Which events are captured, and what they hold."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import event
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.extensions.analytics.events import _handler
from app.extensions.analytics.models import CapturedEvent
from app.extensions.analytics.service import capture, consent
from tests.extensions.analytics.probe import Paid
from tests.support.logs import rendered

ORDER = UUID(int=1)
PAID = Paid(order_id=ORDER, plan="monthly")


async def captured(session: AsyncSession) -> list[tuple[str, dict[str, object]]]:
    rows = await session.exec(select(CapturedEvent).order_by(col(CapturedEvent.id)))
    return [(row.name, row.properties) for row in rows]


async def agreed(session: AsyncSession) -> UUID:
    user_id = uuid4()
    await consent.decide(session, user_id, given=True)
    return user_id


async def test_an_event_belongs_to_the_transaction(session: AsyncSession, on: None) -> None:
    user_id = await agreed(session)
    await capture(session, PAID, user_id=user_id)
    await session.rollback()
    assert await captured(session) == []
    await capture(session, PAID, user_id=user_id)
    await session.commit()
    await session.rollback()
    assert await captured(session) == [("probe_paid", {"order_id": str(ORDER), "plan": "monthly"})]


async def test_without_consent_nothing_is_captured(session: AsyncSession, on: None) -> None:
    await capture(session, PAID, user_id=uuid4())
    await capture(session, PAID)  # by nobody
    user_id = await agreed(session)
    await capture(session, PAID, user_id=user_id)
    await session.commit()
    assert len(await captured(session)) == 1
    await consent.decide(session, user_id, given=False)
    assert await captured(session) == []
    await capture(session, PAID, user_id=user_id)
    assert await captured(session) == []


async def test_without_a_key_no_statement_is_sent(session: AsyncSession) -> None:
    statements: list[str] = []
    connection = (await session.connection()).sync_connection
    event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
    await capture(session, PAID, user_id=uuid4())
    await _handler([Paid])(session, user_id=uuid4(), order_id=ORDER, plan="monthly")
    assert statements == []


async def test_the_signed_in_user_is_the_default(session: AsyncSession, on: None) -> None:
    user_id = await agreed(session)
    token = context.user_id.set(str(user_id))
    await capture(session, PAID)
    context.user_id.reset(token)
    assert list(await session.exec(select(CapturedEvent.user_id))) == [user_id]


async def test_facts_of_an_event_of_core_become_properties(session: AsyncSession, on: None) -> None:
    user_id = await agreed(session)
    facts = {"user_id": user_id, "order_id": ORDER, "plan": "yearly", "title": "Private"}
    await _handler([Paid])(session, **facts)
    assert await captured(session) == [("probe_paid", {"order_id": str(ORDER), "plan": "yearly"})]


async def test_facts_that_do_not_fit_are_an_error_in_the_log_only(
    session: AsyncSession, on: None, caplog: pytest.LogCaptureFixture
) -> None:
    user_id = await agreed(session)
    await _handler([Paid])(session, user_id=user_id, order_id=ORDER, plan="secret")
    assert await captured(session) == []
    (line,) = [line for line in rendered(caplog) if "analytics_event_invalid" in line]
    assert "plan" in line
    assert "secret" not in line
