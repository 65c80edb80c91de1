"""The number of connections that a deployment may open."""

import pytest
from sqlalchemy import Pool, QueuePool

from app.core.cli import doctor
from app.core.cli.errors import DoubtfulError
from app.core.database import async_engine, process_engine
from app.core.database.budget import budget
from app.core.settings import get_settings, load_settings
from app.core.tasks.loop import process_database

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
    assert (needed.mode, needed.api, needed.worker, needed.total) == (mode, 5, 6, 13)
    assert needed.limit == limit


def test_no_pool_can_hold_more_than_is_counted() -> None:
    def most(pool: Pool) -> int:
        assert isinstance(pool, QueuePool)
        return pool.size() + pool._max_overflow

    settings = get_settings().model_copy(update={"db_pool_size": 3, "db_max_overflow": 4})
    api = most(async_engine(settings).pool)
    assert api == budget(settings, api_processes=1, worker_processes=0).api
    worker = most(process_engine().pool) + most(process_database().engine.pool)
    assert worker == budget(get_settings(), api_processes=0, worker_processes=1).worker


def test_doctor_adds_up_and_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    found = doctor._connections(1, 2)
    # The embedded server allows 120, of which it keeps 3 for superusers.
    assert found == ("direct mode: 5 of the API + 6 of workers + 2 of migrations = 13 of 117")
    monkeypatch.setenv("DB_CONNECTION_LIMIT", "15")
    load_settings.cache_clear()
    try:
        assert doctor._connections(1, 2).endswith("= 13 of 15")
        with pytest.raises(DoubtfulError, match=r"= 18 of 15: .* Lower DB_POOL_SIZE"):
            doctor._connections(2, 2)
    finally:
        load_settings.cache_clear()
