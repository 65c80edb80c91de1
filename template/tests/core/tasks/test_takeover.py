"""Which message may take over a task that seems to run."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlmodel import Session

from app.core.database import process_engine
from app.core.tasks import records
from app.core.tasks.models import TaskRecord, TaskState


@pytest.fixture
def started() -> Iterator[UUID]:
    """A task whose second message was taken by a worker."""
    with Session(process_engine(), expire_on_commit=False) as session:
        record = TaskRecord(
            name="core.heartbeat", arguments={}, state=TaskState.STARTED, deliveries=2, attempts=2
        )
        session.add(record)
        session.commit()
        yield record.id
        session.delete(record)
        session.commit()


def test_the_same_message_redelivered_does(started: UUID) -> None:
    claim = records.claim(started, 2, redelivered=True)
    assert claim
    assert claim.attempt == 3


def test_one_that_was_replaced_does_not(started: UUID) -> None:
    assert records.claim(started, 1, redelivered=True) is None


def test_one_that_was_sent_twice_does_not(started: UUID) -> None:
    assert records.claim(started, 2, redelivered=False) is None
