"""Request and response models of this feature."""

from datetime import datetime

from pydantic import Field

from app.core.http.schemas import RequestModel, ResponseModel


class ConsentUpdate(RequestModel):
    """A decision about analytics."""

    given: bool = Field(description="Whether events of the caller may be captured.")


class ConsentRead(ResponseModel):
    """What the caller has decided about analytics."""

    given: bool
    decided_at: datetime | None = Field(description="Null before the first decision.")
    is_enabled: bool = Field(description="Whether this backend captures events at all.")
