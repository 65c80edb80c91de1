"""Who may read our tables: statements and questions, without Alembic.

Supabase serves schemas over HTTP to the roles `anon` and `authenticated`, and a table without row
level security is open to whoever holds the publishable key. Ours live in a private schema, and
still carry both: the backend's role owns the tables and is not affected.
"""

from sqlalchemy import Connection, text

from app.core.database.models import SCHEMA

# Roles of Supabase's HTTP interfaces. A plain Postgres has none of them.
API_ROLES = ("anon", "authenticated", "service_role")


def secure(connection: Connection, table: str) -> None:
    """Switch row level security on, without a policy, and take every grant of the API roles."""
    name = qualified(connection, table)
    connection.execute(text(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"))
    connection.execute(text(f"REVOKE ALL ON TABLE {name} FROM {api_grantees(connection)}"))


def close_functions(connection: Connection) -> None:
    """Take from PUBLIC the right to call our functions, which Postgres gives with every new one.

    Default privileges of one schema cannot hold it back, and those of the role would reach further.
    """
    for function in open_functions(connection):
        connection.execute(text(f"REVOKE EXECUTE ON ROUTINE {function} FROM PUBLIC"))


def api_grantees(connection: Connection) -> str:
    """Grantees that must hold nothing, for a REVOKE: PUBLIC and the API roles that exist."""
    present = connection.scalars(
        text("SELECT rolname FROM pg_roles WHERE rolname = ANY (:roles) ORDER BY rolname"),
        {"roles": list(API_ROLES)},
    )
    return ", ".join(("PUBLIC", *present))


def has_supabase_auth(connection: Connection) -> bool:
    """Whether policies can ask who is signed in, as on Supabase; a plain Postgres cannot tell."""
    return connection.scalar(text("SELECT to_regprocedure('auth.uid()')")) is not None


def unprotected(connection: Connection) -> list[str]:
    """Names of the tables in our schema that have no row level security."""
    found = connection.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(:schema)"
            " AND relkind IN ('r', 'p') AND NOT relrowsecurity ORDER BY relname"
        ),
        {"schema": quoted(connection, SCHEMA)},
    )
    return list(found)


def open_functions(connection: Connection) -> list[str]:
    """Functions in our schema, and of our role, that everybody may call; as SQL wants them."""
    found = connection.scalars(
        text("""
            SELECT pg_proc.oid::regprocedure::text
            FROM pg_proc
            CROSS JOIN LATERAL aclexplode(coalesce(proacl, acldefault('f', proowner))) AS privilege
            WHERE pronamespace = to_regnamespace(:schema)
              AND privilege.grantee = 0
              AND pg_has_role(proowner, 'USAGE')
            ORDER BY 1
        """),
        {"schema": quoted(connection, SCHEMA)},
    )
    return list(found)


def quoted(connection: Connection, name: str) -> str:
    """An identifier as SQL wants it."""
    return connection.dialect.identifier_preparer.quote(name)


def qualified(connection: Connection, table: str) -> str:
    """A table of our schema as SQL wants it."""
    return f"{quoted(connection, SCHEMA)}.{quoted(connection, table)}"
