"""The mirror: a copy of the ledger behind a URL, such as a table for analytics.

The format is that of PostgREST, which Supabase serves at `/rest/v1/TABLE`: a list of rows that are
merged by id. A batch that is sent twice is therefore stored once.
"""

import httpx
from pydantic_core import to_jsonable_python
from sqlalchemy import ARRAY, Uuid, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.core.http_client import client_options
from app.core.settings import load_settings
from app.extensions.credits.models import transactions
from app.extensions.credits.settings import CreditSettings

BATCH = 500
TIMEOUT = 20.0  # seconds

_NEXT = (
    select(*(column for column in transactions.c if column.name != "synced_at"))
    .where(transactions.c.synced_at.is_(None))
    .order_by(transactions.c.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
_DONE = (
    update(transactions)
    .where(transactions.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
    .values(synced_at=func.clock_timestamp())
)


def is_configured() -> bool:
    """Tell whether there is a mirror."""
    return load_settings(CreditSettings).mirror_url is not None


def send_batch(session: Session) -> int:
    """Send a batch of entries that were not sent yet, and return their number; 0 without a mirror.

    They are locked until the transaction ends, so that concurrent runs send different entries.

    Raises:
        httpx.HTTPError: the mirror does not answer, or refuses the entries.
    """
    settings = load_settings(CreditSettings)
    if settings.mirror_url is None:
        return 0
    rows = session.connection().execute(_NEXT).mappings().all()
    if rows:
        with httpx.Client(**client_options(), timeout=TIMEOUT) as client:
            answer = client.post(
                str(settings.mirror_url),
                params={"on_conflict": "id"},
                headers=_headers(settings),
                json=to_jsonable_python([dict(row) for row in rows]),
            )
        answer.raise_for_status()
        session.connection().execute(_DONE, {"ids": [row["id"] for row in rows]})
    return len(rows)


def _headers(settings: CreditSettings) -> dict[str, str]:
    headers = {"Prefer": "resolution=merge-duplicates,return=minimal"}
    if settings.mirror_key:
        key = settings.mirror_key.get_secret_value()
        headers |= {"apikey": key, "Authorization": f"Bearer {key}"}
    return headers
