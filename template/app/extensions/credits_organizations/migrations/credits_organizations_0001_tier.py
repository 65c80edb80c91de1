"""The tier of organizations; members read the credits of their organizations.

Revision: credits_organizations_0001
"""

from alembic import op
from sqlalchemy import text

from app.core.database.models import SCHEMA
from app.core.migrations.access import has_supabase_auth

revision = "credits_organizations_0001"
down_revision = None
branch_labels = ("credits_organizations",)
depends_on = ("credits_0002", "organizations_0001")

TIER = "organization"
READ = f"{SCHEMA}.member_accounts"
MANAGED = f"{SCHEMA}.managed_accounts"
POLICIES = {
    "credits_accounts": READ,
    "credits_transactions": MANAGED,
    "credits_holds": MANAGED,
}


def upgrade() -> None:
    # It exists already if the option was switched off in between.
    op.execute(
        text(
            f"INSERT INTO {SCHEMA}.credits_tiers (name, allocation, rollover)"  # noqa: S608 - constants
            f" VALUES ('{TIER}', 0, 0) ON CONFLICT DO NOTHING"
        )
    )
    if not has_supabase_auth(op.get_bind()):
        return
    _create_function(READ, "")
    _create_function(MANAGED, " AND members.role IN ('owner', 'admin', 'billing')")
    op.execute(text(f"GRANT USAGE ON SCHEMA {SCHEMA} TO authenticated"))
    for table, function in POLICIES.items():
        op.execute(text(f"GRANT SELECT ON {SCHEMA}.{table} TO authenticated"))
        op.execute(
            text(
                f"CREATE POLICY members ON {SCHEMA}.{table} FOR SELECT TO authenticated"
                f" USING (user_id = ANY ((SELECT {function}())::uuid[]))"
            )
        )


def _create_function(name: str, condition: str) -> None:
    """Return the accounts of the caller's organizations; of a personal one, that of the user.

    It runs with the rights of its owner, because members may not read the tables that it reads.
    """
    op.execute(
        text(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS uuid[]"  # noqa: S608 - constants
            " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''"
            " AS $$"
            " SELECT coalesce(array_agg(coalesce(organizations.personal_of, organizations.id)),"
            " '{}')"
            f" FROM {SCHEMA}.organizations_members AS members"
            f" JOIN {SCHEMA}.organizations AS organizations"
            " ON organizations.id = members.organization_id"
            " WHERE members.user_id = (SELECT auth.uid()) AND organizations.deleted_at IS NULL"
            f"{condition}"
            " $$"
        )
    )
    op.execute(text(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC"))
    op.execute(text(f"GRANT EXECUTE ON FUNCTION {name}() TO authenticated"))


def downgrade() -> None:
    for table in POLICIES:
        op.execute(text(f"DROP POLICY IF EXISTS members ON {SCHEMA}.{table}"))
        if has_supabase_auth(op.get_bind()):
            op.execute(text(f"REVOKE ALL ON {SCHEMA}.{table} FROM authenticated"))
    for function in (READ, MANAGED):
        op.execute(text(f"DROP FUNCTION IF EXISTS {function}()"))
    # The accounts of organizations keep their credits, and so their tier.
    op.execute(
        text(
            f"DELETE FROM {SCHEMA}.credits_tiers WHERE name = '{TIER}'"  # noqa: S608 - constants
            f" AND NOT EXISTS (SELECT FROM {SCHEMA}.credits_accounts WHERE tier = '{TIER}')"
            f" AND NOT EXISTS (SELECT FROM {SCHEMA}.credits_rates WHERE tier = '{TIER}')"
        )
    )
