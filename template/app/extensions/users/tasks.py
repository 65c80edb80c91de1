"""Work for the workers. Each task may run twice: what it does must be the same then."""

from dataclasses import asdict

from sqlmodel import Session, select

from app.core.database import sync_session
from app.core.logging import get_logger
from app.core.supabase.clients import with_supabase
from app.core.tasks import enqueue, task
from app.extensions.users import reconcile as rules
from app.extensions.users.models import User

log = get_logger(__name__)


@task()
def start_reconcile(session: Session) -> None:
    """Enqueue it: what is enqueued is tried again while Auth is away."""
    enqueue(session, reconcile.s())


@task()
def reconcile() -> rules.Outcome:
    """Bring the rows in line with Auth; the result says how many changed."""
    with sync_session() as session:
        known = session.exec(select(User.id)).all()
    # No transaction is open meanwhile.
    told = with_supabase(lambda supabase: rules.ask_auth(supabase, known))
    with sync_session() as session:
        outcome = rules.apply(session, told)
    log.info("users_reconciled", **asdict(outcome))
    if outcome.users and not outcome.admins:
        log.error("no_admin_left", advice="make one: uv run app user create EMAIL --role admin")
    return outcome
