<%! from devstack.migrations import statements %>\
"""${message}

Revision: ${up_revision}
Revises: ${down_revision | comma,n}
Created: ${create_date.strftime("%Y-%m-%d %H:%M")} UTC
"""

import sqlalchemy as sa
from alembic import op
${imports or ""}

from app.core.database.models import SCHEMA

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${statements(upgrades or "")}


def downgrade() -> None:
    ${statements(downgrades or "")}
