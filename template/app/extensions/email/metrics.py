"""Numbers of mails."""

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlmodel import col

from app.core.database import Reader
from app.extensions.email.models import MailRecord, MailState
from app.extensions.metrics.families import gauge

_BY_STATE = select(col(MailRecord.state), func.count().label("count")).group_by(
    col(MailRecord.state)
)


async def collect(reader: Reader) -> list[Metric]:
    """Count the mails that are kept, by what became of them."""
    counts = {row["state"]: row["count"] for row in await reader.rows(_BY_STATE)}
    mails = {state.value: counts.get(state, 0) for state in MailState}
    return [gauge("app_emails", "Mails that are kept, by state", "state", mails)]
