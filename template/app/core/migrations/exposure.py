"""Finds objects that are open to Supabase's HTTP interfaces, from Postgres's catalog.

Supabase's own linter (`supabase db advisors`) sees only the schemas that are served at present.
"""

from sqlalchemy import Connection, text

from app.core.database.models import SCHEMA
from app.core.migrations.access import API_ROLES, open_functions, unprotected

# A grant on a table is intended if the role also has a policy. A view cannot have a policy: it must
# run with the rights of the role that reads it.
_GRANTED = text("""
    SELECT DISTINCT relname, coalesce(rolname, 'PUBLIC') AS grantee
    FROM pg_class
    CROSS JOIN LATERAL aclexplode(relacl) AS privilege
    LEFT JOIN pg_roles ON pg_roles.oid = privilege.grantee
    WHERE relnamespace = to_regnamespace(quote_ident(:schema))
      AND relkind IN ('r', 'p', 'v', 'm', 'f')
      AND (privilege.grantee = 0 OR rolname = ANY (:roles))
      AND NOT EXISTS (
        SELECT FROM pg_policy
        WHERE polrelid = pg_class.oid AND privilege.grantee = ANY (polroles)
      )
      AND NOT (relkind = 'v' AND coalesce(reloptions::text, '') ~ 'security_invoker=(true|on|1)')
    ORDER BY 1, 2
""")

# A migration without `schema=SCHEMA` creates its table here, and Supabase serves this schema.
_IN_PUBLIC = text("""
    SELECT relname
    FROM pg_class
    WHERE relnamespace = to_regnamespace('public')
      AND relkind IN ('r', 'p')
      AND NOT relrowsecurity
      AND pg_has_role(relowner, 'USAGE')
      AND EXISTS (
        SELECT FROM pg_roles
        WHERE rolname = ANY (:roles)
          AND has_table_privilege(pg_roles.oid, pg_class.oid, 'SELECT, INSERT, UPDATE, DELETE')
      )
    ORDER BY 1
""")


def exposed(connection: Connection) -> list[str]:
    """Describe each object that is open and should not be; empty if there is none."""
    roles = {"roles": list(API_ROLES)}
    found = [f"no row level security on {table}" for table in unprotected(connection)]
    found += [
        f"{grantee} has rights on {name} without a policy"
        for name, grantee in connection.execute(_GRANTED, {"schema": SCHEMA, **roles})
    ]
    found += [f"PUBLIC may execute {function}" for function in open_functions(connection)]
    if SCHEMA != "public":
        found += [
            f"public.{table} is served to everyone: no row level security"
            for table in connection.scalars(_IN_PUBLIC, roles)
        ]
    return found
