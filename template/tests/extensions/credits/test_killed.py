"""A real process is killed with -9 while it commits; its repeated work counts once."""

import os
import signal
import subprocess
import sys
from uuid import UUID

import pytest

from tests.extensions.credits.conftest import OPERATION, Bank
from tests.support.processes import PROJECT

pytestmark = pytest.mark.slow

# Spends one credit for each key, from the given number on, and prints each number.
SPENDER = """
import os, signal, sys
from uuid import UUID
from sqlalchemy import event
from app.core.database import process_engine, sync_session
from app.extensions.credits.service.charges import charging, spend

person, first, dies = UUID(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

for number in range(first, first + 1000):
    if number == first + 3:
        if dies == "before":
            event.listen(process_engine(), "commit", die)
    with sync_session() as session:
        spend(session, person, "OPERATION", key=f"page-{number}")
        session.commit()
        if number == first + 3 and dies == "after":
            die()
    print(number, flush=True)
""".replace("OPERATION", OPERATION)


def run(person: UUID, database_url: str, first: int, dies: str, read: int) -> int:
    """Run it until it dies, or kill it after `read` lines; return the last number."""
    process = subprocess.Popen(
        [sys.executable, "-c", SPENDER, str(person), str(first), dies],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    printed = [first - 1]
    for line in process.stdout:
        printed.append(int(line))
        if dies == "any" and len(printed) == read:
            process.send_signal(signal.SIGKILL)
    assert process.wait(20) == -signal.SIGKILL
    process.stdout.close()
    return printed[-1]


@pytest.mark.parametrize(
    ("dies", "counted"),
    # The last payment is stored only if the process died after the commit. It is repeated anyway.
    [("before", 3), ("after", 4)],
)
def test_a_kill_before_or_after_a_commit(
    bank: Bank, database_url: str, dies: str, counted: int
) -> None:
    person = bank.person(1000)
    assert run(person, database_url, 0, dies, 0) == 2
    assert bank.balance(person) == (1000 - counted, 0)
    assert run(person, database_url, 3, dies, 0) == 5
    assert bank.balance(person) == (1000 - 3 - counted, 0)
    bank.check()


def test_kills_at_any_moment(bank: Bank, database_url: str) -> None:
    person = bank.person(1000)
    done = -1
    for read in (5, 17, 31, 8):
        # The payment after the last number may be committed or not; it is repeated.
        done = run(person, database_url, done + 1, "any", read)
        balance, held = bank.balance(person)
        assert held == 0
        assert 1000 - balance in (done + 1, done + 2)
    bank.check()
