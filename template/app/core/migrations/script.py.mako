<%! from app.core.migrations.render import body, docstring, imports as imports_of %>\
<%
    up = body(upgrades or "")
    down = body(downgrades or "")
%>\
"""${message | docstring}

Revision: ${up_revision}
Revises: ${down_revision | comma,n}
Created: ${create_date.strftime("%Y-%m-%d %H:%M")} UTC
"""

from alembic import op
${imports_of(up + down, imports)}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${up}


def downgrade() -> None:
    ${down}
