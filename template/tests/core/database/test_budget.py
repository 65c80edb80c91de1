"""Connections counted before they run out."""

import pytest
from sqlalchemy import QueuePool

from app.core.cli import doctor
from app.core.database import async_engine, process_engine
from app.core.database.budget import budget
from app.core.settings import get_settings, load_settings

POOLER = "aws-1-eu-central-1.pooler.supabase.com"


@pytest.mark.parametrize(
    ("address", "mode", "limit"),
    [
        (f"postgresql://u@{POOLER}:5432/x", "session", 15),
        (f"postgresql://u@{POOLER}:6543/x", "transaction", 200),
        ("postgresql://u@db.abc.supabase.co:5432/x", "direct", None),
    ],
)
def test_the_defaults_fit_the_smallest_pool(address: str, mode: str, limit: int | None) -> None:
    settings = get_settings().model_copy(update={"database_url": address})
    needed = budget(settings, api_processes=1, worker_processes=2)
    assert (needed.mode, needed.api, needed.worker, needed.total) == (mode, 5, 4, 11)
    assert needed.limit == limit


def test_no_pool_can_hold_more_than_is_counted() -> None:
    settings = get_settings().model_copy(update={"db_pool_size": 3, "db_max_overflow": 4})
    needed = budget(settings, api_processes=1, worker_processes=1)
    for pool, counted in (
        (async_engine(settings).pool, needed.api),
        (process_engine().pool, needed.worker),
    ):
        assert isinstance(pool, QueuePool)
        assert pool.size() + pool._max_overflow == counted


def test_doctor_adds_up_and_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    found = doctor._connections(1, 2)
    # The embedded server allows 120, of which it keeps 3 for superusers.
    assert found == ("direct mode: 5 of the API + 4 of workers + 2 of migrations = 11 of 117")
    monkeypatch.setenv("DB_CONNECTION_LIMIT", "15")
    load_settings.cache_clear()
    try:
        assert doctor._connections(1, 4).endswith("= 15 of 15")
        with pytest.raises(doctor._DoubtfulError, match=r"= 16 of 15: .* Lower DB_POOL_SIZE"):
            doctor._connections(2, 2)
    finally:
        load_settings.cache_clear()
