"""Items.

Revision: items_0001
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "items_0001"
down_revision = None
branch_labels = ("items",)
depends_on = ("core_0001", "users_0001")


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("notes", sa.String(length=10000), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            [f"{SCHEMA}.users.id"],
            name=op.f("fk_items_owner_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        schema=SCHEMA,
    )
    protect("items")
    op.create_index(
        "ix_items_owner_id_created_at", "items", ["owner_id", "created_at"], schema=SCHEMA
    )


def downgrade() -> None:
    op.drop_table("items", schema=SCHEMA)
