"""Tasks on the admin site."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.tasks.models import TaskRecord, TaskState
from tests.extensions.admin.browser import Browser, codes
from tests.extensions.admin.test_audit import entries
from tests.support.people import Person


async def stored(session: AsyncSession, state: TaskState) -> TaskRecord:
    ended = utcnow() if state is TaskState.FAILURE else None
    task = TaskRecord(name="items.report", arguments={}, state=state, ended_at=ended, error="Boom")
    session.add(task)
    await session.commit()
    return task


async def test_a_failed_task_is_retried(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    task = await stored(session, TaskState.FAILURE)
    assert "Boom" in (await browser.get(f"/task-record/details/{task.id}")).text
    assert (await browser.post(f"/task-record/action/retry?pks={task.id}")).status_code == 303
    await session.refresh(task)
    assert task.state is TaskState.PENDING
    (entry,) = await entries(session, action="retry")
    assert (entry.subject, entry.subject_id) == ("tasks", str(task.id))


async def test_a_pending_task_is_cancelled(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    task = await stored(session, TaskState.PENDING)
    assert (await browser.post(f"/task-record/action/cancel?pks={task.id}")).status_code == 303
    await session.refresh(task)
    assert task.state is TaskState.REVOKED


async def test_an_action_reports_rows_that_it_cannot_change_and_changes_the_others(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    pending = await stored(session, TaskState.PENDING)
    failed = await stored(session, TaskState.FAILURE)
    answer = await browser.post(f"/task-record/action/retry?pks={pending.id},{failed.id}")
    assert (answer.status_code, codes(answer)) == (409, ["task_not_failed"])
    assert "items.report: " in answer.text
    await session.refresh(failed)
    assert failed.state is TaskState.PENDING
