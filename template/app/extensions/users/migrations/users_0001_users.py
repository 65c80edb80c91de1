"""Users.

Revision: users_0001
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "users_0001"
down_revision = None
branch_labels = ("users",)
depends_on = ("core_0001",)

ROLES = ("user", "admin")
STATUSES = ("pending", "approved", "rejected", "suspended")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("display_name", sa.String(length=100), nullable=True),
        sa.Column(
            "role",
            sa.Enum(*ROLES, name="role", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(*STATUSES, name="status", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("banned_until", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("deleted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        schema=SCHEMA,
    )
    protect("users")
    op.create_index(op.f("ix_users_email"), "users", ["email"], schema=SCHEMA)
    op.create_index("ix_users_created_at_id", "users", ["created_at", "id"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("users", schema=SCHEMA)
