"""Tasks of this feature. Each mail has a key, so a task that runs twice sends nothing twice."""

from collections.abc import AsyncIterator
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import AppError
from app.core.settings import load_settings
from app.core.tasks import task
from app.extensions.credits.schemas import Period, SummaryQuery
from app.extensions.credits.service import accounts, periods, reports
from app.extensions.credits_email.email import BALANCE, REPORT, LowBalance, UsageLine, UsageReport
from app.extensions.credits_email.settings import CreditsEmailSettings
from app.extensions.email.service import Category, mailable, send, subscribers
from app.extensions.users.schemas import UserRead
from app.extensions.users.service import ensure_active, get_by_email


@task()
async def report_low_balances(session: AsyncSession) -> None:
    """Tell subscribers whose balance is low, at most once a month."""
    limit = load_settings(CreditsEmailSettings).low_balance
    async for user in _active(session, BALANCE):
        balance = (await session.run_sync(accounts.get_balance, user.id)).balance
        to = mailable(user.email)
        if to and balance < limit:
            key = f"credits.low:{user.id}:{periods.month()}"
            await send(session, LowBalance(to=to, balance=balance), key=key)


@task()
async def report_usage(session: AsyncSession) -> None:
    """Send subscribers the sums of the week that has ended, if there are any."""
    monday = periods.today() - timedelta(days=periods.today().weekday())
    since, until = monday - timedelta(days=7), monday - timedelta(days=1)
    query = SummaryQuery(period=Period.WEEK, since=since, until=until)
    async for user in _active(session, REPORT):
        sums = await session.run_sync(reports.summarize, user.id, query)
        to = mailable(user.email)
        if to and sums:
            mail = UsageReport(
                to=to,
                balance=(await session.run_sync(accounts.get_balance, user.id)).balance,
                lines=[
                    UsageLine(kind=each.kind, operation=each.operation, amount=each.amount)
                    for each in sums
                ],
            )
            await send(session, mail, key=f"credits.report:{user.id}:{since}")


async def _active(session: AsyncSession, category: Category) -> AsyncIterator[UserRead]:
    """Yield the users who have switched a category on and may use the application."""
    for address in await subscribers(session, category):
        try:
            user = await get_by_email(session, address)
            yield ensure_active(UserRead.model_validate(user))
        except AppError:
            continue  # the account is gone or suspended; the choice stays for its return
