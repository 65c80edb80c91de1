"""Objects that are open to the API roles: none after the migrations, and each one is found."""

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text
from sqlmodel import Session

from app.core.database.models import SCHEMA
from app.core.migrations import commands
from app.core.migrations.access import API_ROLES
from app.core.migrations.connections import migration_engine
from app.core.migrations.errors import MigrationError
from app.core.migrations.exposure import exposed
from app.core.settings import load_settings
from devstack import postgres
from devstack.postgres import Postgres
from tests.core.migrations.workshop import Workshop

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


# Supabase's documentation recommends these statements to serve a schema over HTTP.
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

# Supabase and others run older versions than the wheel's: those of the system are tested too.
OTHER_MAJORS = [
    pytest.param(path, marks=pytest.mark.slow)
    for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))
]

# Roles belong to the whole server: those that template1 created exist in the other databases.
PLAIN = """
do $$ begin
  if not exists (select from pg_roles where rolname = 'postgres') then
    create role postgres login;
  end if;
  -- As hosting providers do on request: the role that migrates may not create it.
  if exists (select from pg_available_extensions where name = 'vector') then
    create extension if not exists vector;
  end if;
end $$;

"""


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
    ("statement", "names"),
    [
        ("CREATE TABLE {schema}.bare (id int)", ["bare"]),
        ("ALTER TABLE {schema}.alembic_version DISABLE ROW LEVEL SECURITY", ["alembic_version"]),
        ("GRANT SELECT ON {schema}.users TO anon", ["anon", "users"]),
        ("GRANT SELECT ON {schema}.alembic_log TO PUBLIC", ["PUBLIC", "alembic_log"]),
        (
            (
                "CREATE VIEW {schema}.everybody AS SELECT id FROM {schema}.users;"
                "GRANT SELECT ON {schema}.everybody TO authenticated"
            ),
            ["authenticated", "everybody"],
        ),
        (
            "CREATE FUNCTION {schema}.peek(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            ["PUBLIC", "{schema}.peek(integer)"],
        ),
        # The old default privileges of Supabase open it.
        ("CREATE TABLE public.misplaced (id int)", ["public.misplaced"]),
    ],
)
def test_each_open_object_is_found(sync_session: Session, statement: str, names: list[str]) -> None:
    connection = sync_session.connection()
    connection.execute(text(statement.format(schema=SCHEMA)))
    (found,) = exposed(connection)
    assert all(name.format(schema=SCHEMA) in found for name in names), found


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
                if programs and "The database server has no" in str(error):
                    pytest.skip(str(error))
                raise
            assert commands.drift() == []
            with migration_engine().connect() as connection:
                roles = text("SELECT count(*) FROM pg_roles WHERE rolname = ANY (:roles)")
                assert connection.scalar(roles, {"roles": list(API_ROLES)}) == 0
                assert exposed(connection) == []
            command.downgrade(commands.config(), "base")
            commands.upgrade()
        finally:
            load_settings.cache_clear()
