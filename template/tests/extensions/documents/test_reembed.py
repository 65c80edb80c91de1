"""A change of the model by the commands, on a separate database."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, insert, make_url, text
from typer.testing import CliRunner, Result

from app.cli import build
from app.core.database import forget_process_engine
from app.core.database.models import SCHEMA, utcnow
from app.core.settings import load_settings
from app.extensions.documents import reembed
from app.extensions.documents.embedding import process_embedder
from app.extensions.documents.indexes import ensure_index, index_name, is_indexed
from app.extensions.documents.models import chunks, documents
from tests.extensions.documents.double import Answer, LanguageService, vectors

OFFLINE = "offline:words-1:512"
SMALL = "openai:small:8"
COUNT = 150  # more than a batch


@pytest.fixture
def engine(database_url: str) -> Engine:
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {SCHEMA}.documents CASCADE"))
        fill(connection)
    return engine


def fill(connection: Connection) -> None:
    owner, document, now = uuid4(), uuid4(), utcnow()
    connection.execute(
        text(
            f"INSERT INTO {SCHEMA}.users (id, role, status, created_at, updated_at)"
            " VALUES (:id, 'user', 'approved', :now, :now)"
        ),
        {"id": owner, "now": now},
    )
    connection.execute(
        insert(documents).values(
            id=document,
            owner_id=owner,
            name="x",
            object_key=str(uuid4()),
            size=1,
            sha256=uuid4().hex * 2,
            media_type="text/plain",
            labels={},
            state="ready",
            version=1,
            chunk_count=COUNT,
            created_at=now,
            updated_at=now,
            search_config="english",
        )
    )
    connection.execute(
        insert(chunks),
        [
            {
                "id": uuid4(),
                "document_id": document,
                "owner_id": owner,
                "position": number,
                "content": f"bee number {number}",
                "search_config": "english",
                "words": "bee",
            }
            for number in range(COUNT)
        ],
    )


@pytest.fixture
def app_command(
    database_url: str, engine: Engine, service: LanguageService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    service.usual = vectors(8)
    monkeypatch.setenv("DATABASE_URL", database_url)

    def forget() -> None:
        load_settings.cache_clear()
        process_embedder.cache_clear()
        forget_process_engine()

    def run(*arguments: str, small: bool = False, provider: str = "") -> Result:
        forget()
        values = {
            "EMBEDDING_PROVIDER": "openai" if small else "offline",
            "EMBEDDING_BASE_URL": service.url,
            "EMBEDDING_MODEL": "small",
            "EMBEDDING_DIMENSIONS": "8" if small else "512",
        }
        for name, value in values.items():
            monkeypatch.setenv(f"DOCUMENTS_{name}", value)
        return CliRunner().invoke(build(), arguments)

    yield run
    monkeypatch.undo()
    forget()


def counted(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return reembed.count_vectors(connection)


def test_a_new_model_is_added_and_the_old_one_pruned(
    app_command: Any, engine: Engine, service: LanguageService
) -> None:
    assert app_command("documents", "reembed").exit_code == 0
    assert counted(engine) == {OFFLINE: 150}
    # The second batch fails, and the next run continues there.
    service.next = [vectors(8)("", {"input": ["x"] * 128}), Answer(status=401)]
    failed = app_command("documents", "reembed", small=True)
    assert (failed.exit_code, counted(engine)) == (1, {OFFLINE: 150, SMALL: 128})
    refused = app_command("documents", "prune", "--yes", small=True)
    assert refused.exit_code == 1
    done = app_command("documents", "reembed", small=True)
    assert done.exit_code == 0, done.exception
    assert counted(engine) == {OFFLINE: 150, SMALL: 150}
    requests = len(service.asked)
    app_command("documents", "reembed", small=True)
    assert len(service.asked) == requests

    status = app_command("documents", "status", small=True).output
    assert OFFLINE in status
    with engine.connect() as connection:
        assert is_indexed(connection, OFFLINE)
        assert is_indexed(connection, SMALL)
    assert app_command("documents", "prune", "--yes", small=True).exit_code == 0
    assert counted(engine) == {SMALL: 150}
    with engine.connect() as connection:
        assert not is_indexed(connection, OFFLINE)


def test_an_invalid_index_is_built_again(engine: Engine, app_command: Any) -> None:
    app_command("documents", "reembed")
    name = index_name(OFFLINE)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP INDEX {SCHEMA}.{name}"))
        # A unique index fails and stays invalid, like one whose build was interrupted.
        connection.execute(text("SELECT 1"))
        with pytest.raises(Exception, match="unique"):
            connection.execute(
                text(
                    f"CREATE UNIQUE INDEX CONCURRENTLY {name}"
                    f" ON {SCHEMA}.documents_embeddings (model)"
                )
            )
        assert not is_indexed(connection, OFFLINE)
    assert ensure_index(engine, OFFLINE, 512)
    with engine.connect() as connection:
        assert is_indexed(connection, OFFLINE)


def test_indexes_of_models_are_not_drift(
    app_command: Any, engine: Engine, database_url: str
) -> None:
    assert app_command("documents", "reembed").exit_code == 0
    checked = app_command("db", "check", "--feature", "documents")
    assert (checked.exit_code, checked.output) == (0, "Models and database agree.\n")


def test_the_doctor_reports_missing_vectors(app_command: Any, engine: Engine) -> None:
    def finding(**options: Any) -> str:
        return " ".join(app_command("doctor", **options).output.split())

    assert "150 of 150 chunks" in finding()
    app_command("documents", "reembed")
    assert f"{OFFLINE}, 150 chunks" in finding()
