"""Which message may take over a task that was started."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlmodel import Session

from app.core.database import process_engine
from app.core.tasks import records
from app.core.tasks.models import TaskRecord, TaskState


@pytest.fixture
def started() -> Iterator[UUID]:
    """A task that a worker has started after its second delivery."""
    with Session(process_engine(), expire_on_commit=False) as session:
        record = TaskRecord(
            name="core.heartbeat", arguments={}, state=TaskState.STARTED, deliveries=2, attempts=2
        )
        session.add(record)
        session.commit()
        yield record.id
        session.delete(record)
        session.commit()


def test_the_same_message_redelivered_may(started: UUID) -> None:
    claim = records.claim(started, 2, redelivered=True)
    assert claim
    assert claim.attempt == 3


def test_an_earlier_message_may_not(started: UUID) -> None:
    assert records.claim(started, 1, redelivered=True) is None


def test_a_message_that_was_sent_twice_may_not(started: UUID) -> None:
    assert records.claim(started, 2, redelivered=False) is None
