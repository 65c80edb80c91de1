"""Set a rate for documents: one credit for each chunk.

Revision: documents_credits_0001
"""

from datetime import UTC, datetime
from uuid import uuid4

from alembic import op
from sqlalchemy import BigInteger, DateTime, String, Uuid, column, delete, insert, table

from app.core.database.models import SCHEMA

revision = "documents_credits_0001"
down_revision = None
branch_labels = ("documents_credits",)
depends_on = ("credits_0001",)

RATES = table(
    "credits_rates",
    column("id", Uuid()),
    column("operation", String()),
    column("fixed", BigInteger()),
    column("per_unit", BigInteger()),
    column("unfinished", String()),
    column("valid_from", DateTime(timezone=True)),
    schema=SCHEMA,
)
# Earlier than any rate that an admin has set, so that such a rate stays current.
SINCE = datetime(2000, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    values = {
        "id": uuid4(),
        "operation": "documents.embed",
        "fixed": 0,
        "per_unit": 1,
        "unfinished": "release",
        "valid_from": SINCE,
    }
    op.execute(insert(RATES).values(values))


def downgrade() -> None:
    seeded = (RATES.c.operation == "documents.embed", RATES.c.valid_from == SINCE)
    op.execute(delete(RATES).where(*seeded))
