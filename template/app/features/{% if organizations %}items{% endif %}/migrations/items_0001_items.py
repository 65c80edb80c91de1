"""Items.

Revision: items_0001
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

from app.core.database.models import SCHEMA
from app.core.migrations.access import has_supabase_auth
from app.core.migrations.protect import protect

revision = "items_0001"
down_revision = None
branch_labels = ("items",)
depends_on = ("core_0001", "organizations_0001")


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("notes", sa.String(length=10000), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_items_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        schema=SCHEMA,
    )
    protect("items")
    op.create_index(
        "ix_items_organization_id_created_at",
        "items",
        ["organization_id", "created_at"],
        schema=SCHEMA,
    )
    if has_supabase_auth(op.get_bind()):
        open_to_members("items")


def open_to_members(table: str) -> None:
    """Open a table to the members of the organizations, for sessions that act as a user."""
    mine = f"organization_id = ANY ((SELECT {SCHEMA}.member_organizations())::uuid[])"
    grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {SCHEMA}.{table} TO authenticated"
    op.execute(sa.text(grant))
    # As a subquery, the function is called once for a statement and not for each row.
    rules = f"USING ({mine}) WITH CHECK ({mine})"
    op.execute(sa.text(f"CREATE POLICY members ON {SCHEMA}.{table} TO authenticated {rules}"))


def downgrade() -> None:
    op.drop_table("items", schema=SCHEMA)
