"""Organizations, their members and invitations.

Revision: organizations_0001
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

from app.core.database.models import SCHEMA
from app.core.migrations.access import has_supabase_auth
from app.core.migrations.protect import protect

revision = "organizations_0001"
down_revision = None
branch_labels = ("organizations",)
depends_on = ("core_0001", "users_0001")

FUNCTION = f"{SCHEMA}.member_organizations"
ORGANIZATIONS = f"{SCHEMA}.organizations"
MEMBERS = f"{SCHEMA}.organizations_members"


def upgrade() -> None:
    _create_organizations()
    _create_members()
    _create_invitations()
    if has_supabase_auth(op.get_bind()):
        _open_to_members()


def _create_organizations() -> None:
    op.create_table(
        "organizations",
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("personal_of", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["personal_of"],
            [f"{SCHEMA}.users.id"],
            name=op.f("fk_organizations_personal_of_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("personal_of", name=op.f("uq_organizations_personal_of")),
        sa.UniqueConstraint("slug", name=op.f("uq_organizations_slug")),
        schema=SCHEMA,
    )
    protect("organizations")
    op.create_index(
        op.f("ix_organizations_deleted_at"), "organizations", ["deleted_at"], schema=SCHEMA
    )


def _create_members() -> None:
    op.create_table(
        "organizations_members",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_organizations_members_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            [f"{SCHEMA}.users.id"],
            name=op.f("fk_organizations_members_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "user_id", name=op.f("pk_organizations_members")
        ),
        schema=SCHEMA,
    )
    protect("organizations_members")
    op.create_index(
        op.f("ix_organizations_members_user_id"),
        "organizations_members",
        ["user_id"],
        schema=SCHEMA,
    )


def _create_invitations() -> None:
    op.create_table(
        "organizations_invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("expires_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invited_by"],
            [f"{SCHEMA}.users.id"],
            name=op.f("fk_organizations_invitations_invited_by_users"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_organizations_invitations_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations_invitations")),
        sa.UniqueConstraint(
            "organization_id",
            "email",
            name=op.f("uq_organizations_invitations_organization_id_email"),
        ),
        sa.UniqueConstraint("token_hash", name=op.f("uq_organizations_invitations_token_hash")),
        schema=SCHEMA,
    )
    protect("organizations_invitations")
    op.create_index(
        "ix_organizations_invitations_organization_id_created_at_id",
        "organizations_invitations",
        ["organization_id", "created_at", "id"],
        schema=SCHEMA,
    )


def _open_to_members() -> None:
    """Let members read their organizations over Supabase's interfaces; the API makes all changes.

    The function runs with the rights of its owner: a policy of the members that reads the members
    would call itself. It may exist: `app db drop-feature` leaves it.
    """
    op.execute(
        sa.text(
            f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS uuid[]"  # noqa: S608 - constants
            " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''"
            " AS $$"
            " SELECT coalesce(array_agg(members.organization_id), '{}')"
            f" FROM {MEMBERS} AS members"
            f" JOIN {ORGANIZATIONS} AS organizations ON organizations.id = members.organization_id"
            " WHERE members.user_id = (SELECT auth.uid()) AND organizations.deleted_at IS NULL"
            " $$"
        )
    )
    op.execute(sa.text(f"REVOKE ALL ON FUNCTION {FUNCTION}() FROM PUBLIC"))
    op.execute(sa.text(f"GRANT EXECUTE ON FUNCTION {FUNCTION}() TO authenticated"))
    op.execute(sa.text(f"GRANT USAGE ON SCHEMA {SCHEMA} TO authenticated"))
    for table, column in ((ORGANIZATIONS, "id"), (MEMBERS, "organization_id")):
        op.execute(sa.text(f"GRANT SELECT ON {table} TO authenticated"))
        op.execute(
            sa.text(
                f"CREATE POLICY members ON {table} FOR SELECT TO authenticated"
                f" USING ({column} = ANY ((SELECT {FUNCTION}())::uuid[]))"
            )
        )


def downgrade() -> None:
    op.drop_table("organizations_invitations", schema=SCHEMA)
    op.drop_table("organizations_members", schema=SCHEMA)
    op.drop_table("organizations", schema=SCHEMA)
    op.execute(sa.text(f"DROP FUNCTION IF EXISTS {FUNCTION}()"))
