"""Let members read the documents of their organizations: searches read them in their sessions.

Revision: documents_organizations_0001
"""

from alembic import op
from sqlalchemy import text

from app.core.database.models import SCHEMA
from app.core.migrations.access import has_supabase_auth

revision = "documents_organizations_0001"
down_revision = None
branch_labels = ("documents_organizations",)
depends_on = ("documents_0003", "organizations_0001")

TABLES = (f"{SCHEMA}.documents", f"{SCHEMA}.documents_chunks")


def upgrade() -> None:
    if not has_supabase_auth(op.get_bind()):
        return
    for table in TABLES:
        op.execute(
            text(
                f"CREATE POLICY members ON {table} FOR SELECT TO authenticated"
                f" USING (owner_id = ANY ((SELECT {SCHEMA}.member_organizations())::uuid[]))"
            )
        )


def downgrade() -> None:
    for table in TABLES:
        op.execute(text(f"DROP POLICY IF EXISTS members ON {table}"))
