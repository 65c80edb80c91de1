"""Numbers of credits."""

import time
from uuid import UUID

from prometheus_client.core import Metric
from sqlalchemy import Uuid, bindparam, func, select

from app.core.database import Reader
from app.extensions.credits.models import Kind, accounts, transactions
from app.extensions.metrics.families import gauge

DAY = 86_400
# What a hold takes is charged when the hold ends, except for what it releases.
GROUPS = {
    Kind.ADDITION: "granted",
    Kind.DEDUCTION: "charged",
    Kind.HOLD: "charged",
    Kind.RELEASE: "charged",
    Kind.EXPIRY: "expired",
    Kind.ADJUSTMENT: "adjusted",
}

_OUTSTANDING = select(
    func.coalesce(func.sum(accounts.c.balance), 0).label("balance"),
    func.coalesce(func.sum(accounts.c.held), 0).label("held"),
)
# Keys of entries begin with their time, so the index of the key finds the last ones.
_ENTRIES = (
    select(transactions.c.kind, func.sum(transactions.c.amount).label("amount"))
    .where(transactions.c.id >= bindparam("first", type_=Uuid))
    .group_by(transactions.c.kind)
)


async def collect(reader: Reader) -> list[Metric]:
    """Return what users can spend, and what the ledger has posted in the last 24 hours."""
    (outstanding,) = await reader.rows(_OUTSTANDING)
    first = UUID(int=int((time.time() - DAY) * 1000) << 80)
    posted = dict.fromkeys(GROUPS.values(), 0)
    for row in await reader.rows(_ENTRIES, {"first": first}):
        posted[GROUPS[row["kind"]]] += int(row["amount"])
    posted["charged"] = -posted["charged"]
    posted["expired"] = -posted["expired"]
    return [
        gauge("app_credits_outstanding", "Credits of all accounts", "kind", dict(outstanding)),
        gauge("app_credits_posted_last_day", "Credits of the last 24 hours", "kind", posted),
    ]
