"""Access to our tables: SQL that limits it and SQL that inspects it, without Alembic.

Supabase serves schemas over HTTP to the roles `anon` and `authenticated`. A table without row level
security is open to everyone who has the publishable key. Our tables are in a private schema and
have row level security as well. The backend's role owns them and is not restricted.
"""

from sqlalchemy import Connection, text

from app.core.database.models import SCHEMA

# Roles of Supabase's HTTP interfaces. A plain Postgres does not have them.
API_ROLES = ("anon", "authenticated", "service_role")


def secure(connection: Connection, table: str) -> None:
    """Enable row level security without a policy, and revoke all rights of the API roles."""
    name = qualified(connection, table)
    connection.execute(text(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"))
    connection.execute(text(f"REVOKE ALL ON TABLE {name} FROM {api_grantees(connection)}"))


def close_functions(connection: Connection) -> None:
    """Revoke from PUBLIC the right to execute our functions, which Postgres grants by default.

    Default privileges of one schema cannot prevent this grant, and those of the role would affect
    other schemas too.
    """
    for function in open_functions(connection):
        connection.execute(text(f"REVOKE EXECUTE ON ROUTINE {function} FROM PUBLIC"))


def api_grantees(connection: Connection) -> str:
    """Return grantees for a REVOKE: PUBLIC and those API roles that exist."""
    present = connection.scalars(
        text("SELECT rolname FROM pg_roles WHERE rolname = ANY (:roles) ORDER BY rolname"),
        {"roles": list(API_ROLES)},
    )
    return ", ".join(("PUBLIC", *present))


def has_supabase_auth(connection: Connection) -> bool:
    """Return whether policies can call `auth.uid()`, which a plain Postgres does not have."""
    return connection.scalar(text("SELECT to_regprocedure('auth.uid()')")) is not None


def unprotected(connection: Connection) -> list[str]:
    """Return the names of tables in our schema without row level security."""
    found = connection.scalars(
        text("""
            SELECT relname
            FROM pg_class
            WHERE relnamespace = to_regnamespace(quote_ident(:schema))
              AND relkind IN ('r', 'p')
              AND NOT relrowsecurity
            ORDER BY relname
        """),
        {"schema": SCHEMA},
    )
    return list(found)


def open_functions(connection: Connection) -> list[str]:
    """Return the signatures of our role's functions in our schema that PUBLIC may execute."""
    found = connection.scalars(
        text("""
            SELECT pg_proc.oid::regprocedure::text
            FROM pg_proc
            CROSS JOIN LATERAL aclexplode(coalesce(proacl, acldefault('f', proowner))) AS privilege
            WHERE pronamespace = to_regnamespace(quote_ident(:schema))
              AND privilege.grantee = 0
              AND pg_has_role(proowner, 'USAGE')
            ORDER BY 1
        """),
        {"schema": SCHEMA},
    )
    return list(found)


def quoted(connection: Connection, name: str) -> str:
    """Quote an identifier where SQL requires it."""
    return connection.dialect.identifier_preparer.quote(name)


def qualified(connection: Connection, table: str) -> str:
    """Return the name of a table with our schema, quoted where SQL requires it."""
    return f"{quoted(connection, SCHEMA)}.{quoted(connection, table)}"
