"""What outsiders could reach: nothing after the migrations, and each hole is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text
from sqlmodel import Session

from app.core.database.models import SCHEMA
from app.core.migrations import commands
from app.core.migrations.access import API_ROLES
from app.core.migrations.errors import MigrationError
from app.core.migrations.exposure import exposed
from app.core.settings import load_settings
from devstack import postgres
from devstack.postgres import Postgres
from tests.core.migrations.workshop import Workshop, open_workshop

# Every privilege on tables, views and sequences of the schema that is not its owner's.
GRANTED = text("""
    SELECT coalesce(rolname, 'PUBLIC'), relname
    FROM pg_class CROSS JOIN LATERAL aclexplode(relacl) AS privilege
    LEFT JOIN pg_roles ON pg_roles.oid = privilege.grantee
    WHERE relnamespace = to_regnamespace(:schema) AND privilege.grantee <> relowner
""")
POLICIES = text("SELECT unnest(roles)::text, tablename FROM pg_policies WHERE schemaname = :schema")
DEFAULTS = text("""
    SELECT privilege.grantee::regrole::text
    FROM pg_default_acl CROSS JOIN LATERAL aclexplode(defaclacl) AS privilege
    WHERE defaclnamespace = to_regnamespace(:schema) AND privilege.grantee <> defaclrole
""")
USAGE = text("""
    SELECT rolname FROM pg_roles
    WHERE rolname = ANY (:roles) AND has_schema_privilege(rolname, :schema, 'USAGE, CREATE')
""")


# What Supabase's docs have people run to serve a schema over HTTP, and new tables in it.
SERVED = """
    CREATE SCHEMA {schema};
    GRANT USAGE ON SCHEMA {schema} TO PUBLIC, anon, authenticated, service_role;
    ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
        GRANT ALL ON TABLES TO anon, authenticated, service_role;
    ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
        GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
    ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
        GRANT ALL ON ROUTINES TO anon, authenticated, service_role;
"""

# Supabase and others run older majors than the wheel's: those that the system has are asked, too.
OTHER_MAJORS = [
    pytest.param(path, marks=pytest.mark.slow)
    for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))
]

# A cluster's roles are made in template1 first, and found in the other databases.
PLAIN = """
do $$ begin
  if not exists (select from pg_roles where rolname = 'postgres') then
    create role postgres login;
  end if;
  -- As hosts do where a feature asks for it: who migrates may not.
  if exists (select from pg_available_extensions where name = 'vector') then
    create extension if not exists vector;
  end if;
end $$;

"""


@pytest.fixture
def workshop(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    with open_workshop(database_url, tmp_path, monkeypatch) as workshop:
        yield workshop


@pytest.mark.parametrize("served", [False, True], ids=["private", "served before"])
def test_after_the_migrations_all_is_closed_but_what_a_policy_opens(
    workshop: Workshop, served: bool
) -> None:
    if served:
        with workshop.connected() as connection:
            connection.execute(text(SERVED.format(schema=SCHEMA)))
    commands.upgrade()
    here = {"schema": SCHEMA}
    with workshop.connected() as connection:
        assert exposed(connection) == []
        secured = connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = :schema AND rowsecurity"), here
        )
        assert set(secured) == set(inspect(connection).get_table_names(SCHEMA))
        granted = {tuple(row) for row in connection.execute(GRANTED, here)}
        opened = {tuple(row) for row in connection.execute(POLICIES, here)}
        assert granted <= opened
        assert {role for role, _ in opened} <= {"authenticated"}
        assert connection.scalars(DEFAULTS, here).all() == []
        roles = here | {"roles": [*API_ROLES, "supabase_auth_admin"]}
        usage = set(connection.scalars(USAGE, roles))
        assert usage <= {role for role, _ in opened}


@pytest.mark.parametrize(
    ("hole", "told"),
    [
        ("CREATE TABLE {schema}.bare (id int)", "no row level security on bare"),
        (
            "ALTER TABLE {schema}.alembic_version DISABLE ROW LEVEL SECURITY",
            "no row level security on alembic_version",
        ),
        ("GRANT SELECT ON {schema}.users TO anon", "anon may use users, and no policy says how"),
        (
            "GRANT SELECT ON {schema}.alembic_log TO PUBLIC",
            "PUBLIC may use alembic_log, and no policy says how",
        ),
        (
            (
                "CREATE VIEW {schema}.everybody AS SELECT id FROM {schema}.users;"
                "GRANT SELECT ON {schema}.everybody TO authenticated"
            ),
            "authenticated may use everybody, and no policy says how",
        ),
        (
            "CREATE FUNCTION {schema}.peek(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "everybody may call {schema}.peek(integer)",
        ),
        # The old default of Supabase does the rest.
        (
            "CREATE TABLE public.misplaced (id int)",
            "public.misplaced is open to the world: no row level security",
        ),
    ],
)
def test_each_hole_is_told(sync_session: Session, hole: str, told: str) -> None:
    connection = sync_session.connection()
    connection.execute(text(hole.format(schema=SCHEMA)))
    assert exposed(connection) == [told.format(schema=SCHEMA)]


def test_what_a_feature_opens_on_purpose_is_no_hole(sync_session: Session) -> None:
    connection = sync_session.connection()
    for statement in (
        f"CREATE TABLE {SCHEMA}.posts (id int)",
        f"ALTER TABLE {SCHEMA}.posts ENABLE ROW LEVEL SECURITY",
        f"GRANT SELECT ON {SCHEMA}.posts TO anon",
        f"CREATE POLICY all_may_read ON {SCHEMA}.posts FOR SELECT TO anon USING (true)",
        (
            f"CREATE VIEW {SCHEMA}.titles WITH (security_invoker = true)"
            f" AS SELECT id FROM {SCHEMA}.posts"
        ),
        f"GRANT SELECT ON {SCHEMA}.titles TO anon",
    ):
        connection.execute(text(statement))
    assert exposed(connection) == []


def test_a_function_of_a_migration_is_closed_with_it(workshop: Workshop) -> None:
    workshop.feature("parcels")
    function = "CREATE FUNCTION {SCHEMA}.weigh() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    workshop.migration("parcels", "parcels_0001", up=f'op.execute(f"{function}")', down="pass")
    commands.upgrade()
    with workshop.connected() as connection:
        assert exposed(connection) == []
        may = text(f"SELECT has_function_privilege('anon', '{SCHEMA}.weigh()', 'EXECUTE')")
        assert connection.scalar(may) is False


@pytest.mark.parametrize(
    "programs", [None, *OTHER_MAJORS], ids=lambda path: path and path.parts[-2]
)
def test_a_postgres_without_any_of_supabase_is_migrated_up_and_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Path | None
) -> None:
    (tmp_path / "plain.sql").write_text(PLAIN)
    monkeypatch.setattr(postgres, "BOOTSTRAP", tmp_path / "plain.sql")
    with Postgres(tmp_path / "data", bin_dir=programs) as server:
        monkeypatch.setenv("DATABASE_URL", server.url)
        load_settings.cache_clear()
        try:
            try:
                commands.upgrade()
            except MigrationError as error:
                if programs and "install it there" in str(error):
                    pytest.skip(str(error))
                raise
            assert commands.drift() == []
            with commands.migration_engine() as engine, engine.connect() as connection:
                roles = text("SELECT count(*) FROM pg_roles WHERE rolname = ANY (:roles)")
                assert connection.scalar(roles, {"roles": list(API_ROLES)}) == 0
                assert exposed(connection) == []
            command.downgrade(commands.config(), "base")
            commands.upgrade()
        finally:
            load_settings.cache_clear()
