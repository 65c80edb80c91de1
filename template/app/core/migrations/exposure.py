"""What of the database an outsider could reach over Supabase's HTTP interfaces, from the catalog.

Supabase's own linter (`supabase db advisors`) sees less of it: schemas that are served now, alone.
"""

from sqlalchemy import Connection, text

from app.core.database.models import SCHEMA
from app.core.migrations.access import API_ROLES, open_functions, quoted, unprotected

# A feature may open a table to a role, with a policy for that role. A view has none: it must ask
# with the rights of who reads it.
_GRANTED = text("""
    SELECT DISTINCT relname, coalesce(rolname, 'PUBLIC') AS grantee
    FROM pg_class
    CROSS JOIN LATERAL aclexplode(relacl) AS privilege
    LEFT JOIN pg_roles ON pg_roles.oid = privilege.grantee
    WHERE relnamespace = to_regnamespace(:schema)
      AND relkind IN ('r', 'p', 'v', 'm', 'f')
      AND (privilege.grantee = 0 OR rolname = ANY (:roles))
      AND NOT EXISTS (
        SELECT FROM pg_policy
        WHERE polrelid = pg_class.oid AND privilege.grantee = ANY (polroles)
      )
      AND NOT (relkind = 'v' AND coalesce(reloptions::text, '') ~ 'security_invoker=(true|on|1)')
    ORDER BY 1, 2
""")

# Where a migration that forgets `schema=SCHEMA` puts its table, and Supabase serves it.
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
    """One phrase for everything that is open and should not be; empty if nothing is."""
    roles = {"roles": list(API_ROLES)}
    schema = {"schema": quoted(connection, SCHEMA)}
    found = [f"no row level security on {table}" for table in unprotected(connection)]
    found += [
        f"{grantee} may use {name}, and no policy says how"
        for name, grantee in connection.execute(_GRANTED, roles | schema)
    ]
    found += [f"everybody may call {function}" for function in open_functions(connection)]
    if SCHEMA != "public":
        found += [
            f"public.{table} is open to the world: no row level security"
            for table in connection.scalars(_IN_PUBLIC, roles)
        ]
    return found
