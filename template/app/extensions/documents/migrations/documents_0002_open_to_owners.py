"""Let owners read their documents and chunks: searches read them in sessions of their owners.

Revision: documents_0002
"""

from alembic import op
from sqlalchemy import text

from app.core.database.models import SCHEMA
from app.core.migrations.access import has_supabase_auth

revision = "documents_0002"
down_revision = "documents_0001"
branch_labels = None
depends_on = None

# Vectors are left out: only the backend reads them, for the ranking.
TABLES = (f"{SCHEMA}.documents", f"{SCHEMA}.documents_chunks")


def upgrade() -> None:
    if not has_supabase_auth(op.get_bind()):
        return
    op.execute(text(f"GRANT USAGE ON SCHEMA {SCHEMA} TO authenticated"))
    for table in TABLES:
        op.execute(text(f"GRANT SELECT ON {table} TO authenticated"))
        op.execute(
            text(
                f"CREATE POLICY owner ON {table} FOR SELECT TO authenticated"
                " USING (owner_id = (SELECT auth.uid()))"
            )
        )


def downgrade() -> None:
    # USAGE on the schema stays, because other features may need it. It opens no table.
    for table in TABLES:
        op.execute(text(f"DROP POLICY IF EXISTS owner ON {table}"))
        if has_supabase_auth(op.get_bind()):
            op.execute(text(f"REVOKE ALL ON {table} FROM authenticated"))
