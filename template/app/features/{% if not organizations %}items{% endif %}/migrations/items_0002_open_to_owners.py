"""Open items to their owners, for sessions that act as a user.

The routes of items need none, see `app.core.database.user_scope`: this shows what it takes.

Revision: items_0002
"""

from alembic import op
from sqlalchemy import text

from app.core.database.models import SCHEMA
from app.core.migrations.access import has_supabase_auth

revision = "items_0002"
down_revision = "items_0001"
branch_labels = None
depends_on = None

TABLE = f"{SCHEMA}.items"


def upgrade() -> None:
    if not has_supabase_auth(op.get_bind()):
        return
    op.execute(text(f"GRANT USAGE ON SCHEMA {SCHEMA} TO authenticated"))
    op.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO authenticated"))
    # As a subquery, the function is called once for a statement and not for each row.
    op.execute(
        text(
            f"CREATE POLICY owner ON {TABLE} TO authenticated"
            " USING (owner_id = (SELECT auth.uid()))"
            " WITH CHECK (owner_id = (SELECT auth.uid()))"
        )
    )


def downgrade() -> None:
    # The schema stays open: tables of others may be, and what is not granted is closed.
    op.execute(text(f"DROP POLICY IF EXISTS owner ON {TABLE}"))
    if has_supabase_auth(op.get_bind()):
        op.execute(text(f"REVOKE ALL ON {TABLE} FROM authenticated"))
