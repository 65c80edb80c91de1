"""Work for the workers. Each task may run twice, and twice at once: what it does is the same then.

Those that go through all accounts take a batch at a time, each in a transaction of its own, and
enqueue themselves for the next one: whatever dies, what was done stays done.
"""

from sqlmodel import Session

from app.core.logging import get_logger
from app.core.tasks import enqueue, task
from app.extensions.credits.service import allocation, holds, ledger, mirror
from app.extensions.credits.service.verify import Fault, faults

log = get_logger(__name__)


@task()
def allocate(session: Session) -> int:
    """Give a batch of accounts this month's allocation, unless they have it."""
    count = allocation.allocate_due(session)
    if count == ledger.BATCH:
        enqueue(session, allocate.s())
    return count


@task()
def expire_holds(session: Session) -> int:
    """Give back holds that have expired, of a batch of accounts."""
    count = holds.end_overdue(session, charges=False)
    if count == ledger.BATCH:
        enqueue(session, expire_holds.s())
    return count


@task()
def settle_charges(session: Session) -> int:
    """Commit or release charges that were left behind, as their rate says."""
    count = holds.end_overdue(session, charges=True)
    if count == ledger.BATCH:
        enqueue(session, settle_charges.s())
    return count


@task()
def start_mirror(session: Session) -> None:
    """Enqueue it: what is enqueued is tried again while the mirror is away."""
    if mirror.wanted():
        enqueue(session, mirror_entries.s())


@task()
def mirror_entries(session: Session) -> int:
    """Send a batch of entries to the mirror."""
    count = mirror.send_batch(session)
    if count == mirror.BATCH:
        enqueue(session, mirror_entries.s())
    return count


@task()
def verify(session: Session) -> list[Fault]:
    """Compare balances, holds and ledger; what does not add up is logged as an error."""
    found = faults(session)
    for fault in found:
        log.error("credits_do_not_add_up", **fault.model_dump(mode="json"))
    return list(found)
