"""Tasks of this feature. A task may run twice, and the second run must change nothing."""

from dataclasses import asdict

from sqlmodel import Session, col, select

from app.core.database import sync_session
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
        outcome = update_rows(session, in_auth)
    log.info("users_reconciled", **asdict(outcome))
    if outcome.users and not outcome.admins:
        log.error("no_admin_left", advice="run: uv run app user create EMAIL --role admin")
    return outcome
