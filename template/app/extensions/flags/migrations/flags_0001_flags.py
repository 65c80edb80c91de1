"""States of flags, and overrides.

Revision: flags_0001
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "flags_0001"
down_revision = None
branch_labels = ("flags",)
depends_on = ("core_0001",)


def upgrade() -> None:
    op.create_table(
        "flags_overrides",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "user",
                "group",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=20,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "kind", "subject_id", name=op.f("pk_flags_overrides")),
        schema=SCHEMA,
    )
    protect("flags_overrides")
    op.create_table(
        "flags_states",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("killed", sa.Boolean(), nullable=False),
        sa.Column("percentage", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("percentage BETWEEN 0 AND 100", name=op.f("ck_flags_states_percentage")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_flags_states")),
        schema=SCHEMA,
    )
    protect("flags_states")


def downgrade() -> None:
    op.drop_table("flags_states", schema=SCHEMA)
    op.drop_table("flags_overrides", schema=SCHEMA)
