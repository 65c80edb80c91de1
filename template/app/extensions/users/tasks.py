"""Tasks of this feature. A task may run twice, and the second run must change nothing."""

from dataclasses import asdict
from uuid import UUID

from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import sync_session
from app.core.events import emit
from app.core.logging import get_logger
from app.core.supabase.clients import with_supabase
from app.core.tasks import enqueue, task
from app.extensions.users.models import User
from app.extensions.users.reconcile import Outcome, fetch_auth_users, update_rows

log = get_logger(__name__)


@task()
def start_reconcile(session: Session) -> None:
    """Enqueue the reconciliation: an enqueued task is tried again while Auth is unavailable."""
    enqueue(session, reconcile.s())


@task()
def reconcile() -> Outcome:
    """Update the rows by the users in Auth; the result counts the changes."""
    with sync_session() as session:
        user_ids = session.exec(select(User.id).where(col(User.machine).is_(False))).all()
    # No transaction is open during the requests to Auth.
    in_auth = with_supabase(lambda supabase: fetch_auth_users(supabase, user_ids))
    with sync_session() as session:
        outcome, excluded = update_rows(session, in_auth)
        for user_id in excluded:
            enqueue(session, report_excluded.s(user_id=user_id))
        session.commit()
    log.info("users_reconciled", **asdict(outcome))
    if outcome.users and not outcome.admins:
        log.error("no_admin_left", advice="run: uv run app user create EMAIL --role admin")
    return outcome


@task()
async def report_excluded(session: AsyncSession, user_id: UUID) -> None:
    """Emit `users.excluded`, in a transaction of its own: a listener may fail for one user."""
    await emit(session, "users.excluded", user_id=user_id)
