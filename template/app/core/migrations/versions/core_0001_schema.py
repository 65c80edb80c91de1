"""Close the schema to all roles except its owner.

Revision: core_0001
"""

from alembic import op
from sqlalchemy import text

from app.core.database.models import SCHEMA
from app.core.migrations.access import api_grantees, quoted

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    # env.py has created the schema, because Alembic's own table is in it.
    connection = op.get_bind()
    schema, grantees = quoted(connection, SCHEMA), api_grantees(connection)
    op.execute(text(f"REVOKE ALL ON SCHEMA {schema} FROM {grantees}"))
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        op.execute(
            text(
                f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON {kind} FROM {grantees}"
            )
        )


def downgrade() -> None:
    # The earlier grants are not known, and Alembic's own tables stay in the schema.
    pass
