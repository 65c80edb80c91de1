"""Visits of the support team.

Revision: organizations_admin_0001
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "organizations_admin_0001"
down_revision = None
branch_labels = ("organizations_admin",)
depends_on = ("organizations_0001", "users_0001")


def upgrade() -> None:
    op.create_table(
        "organizations_admin_visits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_email", sa.String(length=320), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("expires_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_organizations_admin_visits_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["visitor_id"],
            [f"{SCHEMA}.users.id"],
            name=op.f("fk_organizations_admin_visits_visitor_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations_admin_visits")),
        schema=SCHEMA,
    )
    protect("organizations_admin_visits")
    op.create_index(
        "ix_organizations_admin_visits_organization_id_created_at_id",
        "organizations_admin_visits",
        ["organization_id", "created_at", "id"],
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("organizations_admin_visits", schema=SCHEMA)
