"""Numbers of users."""

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlmodel import col

from app.core.database import Reader
from app.extensions.metrics.families import gauge
from app.extensions.users.models import Status, User

BY_STATUS = (
    select(col(User.status), func.count().label("count"))
    .where(col(User.deleted_at).is_(None))
    .group_by(col(User.status))
)


async def collect(reader: Reader) -> list[Metric]:
    """Count the users whose account exists, by status."""
    counts = {row["status"]: row["count"] for row in await reader.rows(BY_STATUS)}
    users = {status.value: counts.get(status, 0) for status in Status}
    return [gauge("app_users", "Users by status", "status", users)]
