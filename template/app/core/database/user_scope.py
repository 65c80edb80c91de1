"""Sessions that act as one signed-in user, under the policies of row level security.

The backend's own role bypasses row level security: in an ordinary session the service decides who
may see which row. A session that acts as a user lets the database decide, by the table's policies,
as Supabase's HTTP interfaces do.

Each transaction costs one more round trip. That is worth it where browsers read the same tables
over those interfaces, where a rule has many parts that every query would repeat, or where the
query comes from outside. Otherwise a WHERE in the service is simpler. The second migration of
`app.features.items` has the policy and the grants that a table needs.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

# Supabase sets this for the role `authenticated`; SET ROLE does not apply settings of a role.
STATEMENT_TIMEOUT = "8s"

# One round trip. All of it ends with the transaction, so a pooled connection keeps none of it.
_SET_USER = text(
    "SELECT set_config('request.jwt.claims', :claims, true),"
    " set_config('statement_timeout', :timeout, true),"
    " set_config('role', 'authenticated', true)"
)


def act_as(session: AsyncSession | Session, user: UUID | Mapping[str, Any]) -> None:
    """Make every transaction of a new session run as a user, given by id or by token claims.

    The caller must have verified the claims. Policies read them as `auth.jwt()`, and their `sub` as
    `auth.uid()`. Tables without a grant to `authenticated` are refused (SQLSTATE 42501).

    Raises:
        RuntimeError: when a transaction begins on a connection in AUTOCOMMIT mode, where each
            setting ends with its statement.
    """
    claims = {"sub": str(user)} if isinstance(user, UUID) else dict(user)
    values = {
        "claims": json.dumps(claims | {"role": "authenticated"}),
        "timeout": STATEMENT_TIMEOUT,
    }

    def set_user(_: Session, transaction: SessionTransaction, connection: Connection) -> None:
        if transaction.nested:
            return  # a savepoint keeps the settings of its transaction
        pooled = connection.connection.dbapi_connection
        if pooled is None or connection.dialect.detect_autocommit_setting(pooled):
            raise RuntimeError("A session that acts as a user needs transactions: no AUTOCOMMIT.")
        connection.execute(_SET_USER, values)

    target = session.sync_session if isinstance(session, AsyncSession) else session
    event.listen(target, "after_begin", set_user)
