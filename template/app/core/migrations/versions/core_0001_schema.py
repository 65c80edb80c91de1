"""Close the schema to everybody but its owner.

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
    # env.py has made the schema: Alembic's own table lives in it and comes before any migration.
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
    # What was granted before is not known, and the schema stays for Alembic's own tables.
    pass
