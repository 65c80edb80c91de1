"""Sessions that act as one signed-in user, under the policies of row level security.

The backend's own role passes row level security, so in an ordinary session the service decides who
may see what. A session that acts as a user lets the database decide, by the table's policies, as
Supabase's HTTP interfaces do.

It is worth a further round trip for each transaction where browsers read the same tables over
those interfaces, where a rule has many parts that every query would repeat, or where somebody else
writes the query. Otherwise a WHERE in the service is simpler. `app.features.items` has the policy
and the grants that a table needs, in its second migration.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

# What Supabase gives the role; a role's own settings apply at sign-in, and not to SET ROLE.
STATEMENT_TIMEOUT = "8s"

# One round trip. All of it ends with the transaction, so a pooled connection carries nothing over.
_ENTER = text(
    "SELECT set_config('request.jwt.claims', :claims, true),"
    " set_config('statement_timeout', :timeout, true),"
    " set_config('role', 'authenticated', true)"
)


def act_as(session: AsyncSession | Session, user: UUID | Mapping[str, Any]) -> None:
    """Make every transaction of a new session run as a user, who is given by id or token claims.

    Policies see the claims as `auth.jwt()`, their `sub` as `auth.uid()`. The caller has verified
    them. Tables that grant `authenticated` nothing are refused (SQLSTATE 42501).

    Raises:
        RuntimeError: when a transaction begins on a connection in AUTOCOMMIT mode, where nothing
            lasts longer than its statement.
    """
    claims = {"sub": str(user)} if isinstance(user, UUID) else dict(user)
    values = {
        "claims": json.dumps(claims | {"role": "authenticated"}),
        "timeout": STATEMENT_TIMEOUT,
    }

    def enter(_: Session, transaction: SessionTransaction, connection: Connection) -> None:
        if transaction.nested:
            return  # a savepoint: what the transaction has set holds in it
        pooled = connection.connection.dbapi_connection
        if pooled is None or connection.dialect.detect_autocommit_setting(pooled):
            raise RuntimeError("A session that acts as a user needs transactions: no AUTOCOMMIT.")
        connection.execute(_ENTER, values)

    target = session.sync_session if isinstance(session, AsyncSession) else session
    event.listen(target, "after_begin", enter)
