"""Tasks of this feature. A task may run twice, also concurrently, with the same result.

Tasks that process all accounts take one batch per transaction and enqueue themselves for the next
one. When a worker dies, the batches before it stay done.
"""

from sqlmodel import Session

from app.core.logging import get_logger
from app.core.tasks import enqueue, task
from app.extensions.credits.service import allocation, holds, ledger, mirror
from app.extensions.credits.service.verify import Discrepancy, find_discrepancies

log = get_logger(__name__)


@task()
def allocate(session: Session) -> int:
    """Give a batch of accounts this month's allocation, if they do not have it."""
    count = allocation.allocate_due(session)
    if count == ledger.BATCH:
        enqueue(session, allocate.s())
    return count


@task()
def expire_holds(session: Session) -> int:
    """Release expired holds, of a batch of accounts."""
    count = holds.end_expired(session, charges=False)
    if count == ledger.BATCH:
        enqueue(session, expire_holds.s())
    return count


@task()
def settle_charges(session: Session) -> int:
    """Commit or release charges that were left behind, as their rates require."""
    count = holds.end_expired(session, charges=True)
    if count == ledger.BATCH:
        enqueue(session, settle_charges.s())
    return count


@task()
def start_mirror(session: Session) -> None:
    """Enqueue `mirror_entries`: an enqueued task is retried while the mirror is not available."""
    if mirror.is_configured():
        enqueue(session, mirror_entries.s())


@task()
def mirror_entries(session: Session) -> int:
    """Send a batch of entries to the mirror."""
    count = mirror.send_batch(session)
    if count == mirror.BATCH:
        enqueue(session, mirror_entries.s())
    return count


@task()
def verify(session: Session) -> list[Discrepancy]:
    """Compare balances, holds and ledger; each discrepancy is logged as an error."""
    found = find_discrepancies(session)
    for discrepancy in found:
        log.error("credits_do_not_add_up", **discrepancy.model_dump(mode="json"))
    return list(found)
