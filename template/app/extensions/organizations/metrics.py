"""Numbers of organizations."""

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlmodel import col

from app.core.database import Reader
from app.extensions.metrics.families import gauge
from app.extensions.organizations.models import Organization

_COUNTS = select(
    func.count(col(Organization.personal_of)).label("personal"), func.count().label("all")
).where(col(Organization.deleted_at).is_(None))


async def collect(reader: Reader) -> list[Metric]:
    """Count the organizations that are open."""
    (row,) = await reader.rows(_COUNTS)
    kinds = {"personal": row["personal"], "shared": row["all"] - row["personal"]}
    return [gauge("app_organizations", "Organizations, personal or shared", "kind", kinds)]
