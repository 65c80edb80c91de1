"""Variables of libpq in the shell, which are about other servers."""

import os

import pytest
from sqlalchemy import NullPool, text

from app.core.database import async_engine, sync_engine
from app.core.settings import get_settings
from tests.support.hostile import OF_OTHERS

OF_LIBPQ = {name: value for name, value in OF_OTHERS.items() if name.startswith("PG")}


@pytest.fixture(autouse=True)
def _shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OF_LIBPQ.items():
        monkeypatch.setenv(name, value)


def test_tasks_and_commands_connect_to_a_local_server() -> None:
    settings = get_settings()
    engine = sync_engine(settings.database_url, settings, poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW client_encoding")) == "UTF8"


async def test_the_api_connects_to_a_local_server() -> None:
    engine = async_engine(get_settings())
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        {"environment": "production"},
        {"database_url": "postgresql://app:x@db.example.com/app"},
    ],
)
def test_they_apply_to_other_servers(change: dict[str, str]) -> None:
    settings = get_settings().model_copy(update=change)
    sync_engine(settings.database_url, settings).dispose()
    assert OF_LIBPQ.items() <= os.environ.items()
