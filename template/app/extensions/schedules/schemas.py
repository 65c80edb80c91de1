"""Request and response models of this feature."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from celery.schedules import ParseException, crontab
from pydantic import AfterValidator, Field, model_validator

from app.core.http.schemas import RequestModel, ResponseModel

YEAR = 366 * 86_400  # seconds


def parse_crontab(text: str) -> crontab:
    """Parse the five fields of a crontab.

    Raises:
        ValueError: the number of fields is wrong, a value is out of range, or no date matches.
    """
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(
            "write five fields: minute, hour, day of the month, month, day of the week"
        )
    try:
        return crontab.from_string(" ".join(fields))
    except ParseException as error:
        raise ValueError(str(error)) from error


def _checked_crontab(text: str) -> str:
    parse_crontab(text)
    return " ".join(text.split())


class ScheduleCreate(RequestModel):
    """A new schedule. Its name has no dot, unlike the names of schedules of the code."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$", examples=["report-for-acme"])
    task: str = Field(description="Name of a task.", examples=["items.report"])
    crontab: Annotated[str, AfterValidator(_checked_crontab)] | None = Field(
        default=None,
        description="Minute, hour, day of the month, month, day of the week, in CELERY_TIMEZONE.",
        examples=["0 6 * * mon-fri"],
    )
    every: float | None = Field(
        default=None, ge=1, le=YEAR, description="Seconds from one run to the next."
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Arguments by name.")
    enabled: bool = Field(default=True, description="False adds it paused.")

    @model_validator(mode="after")
    def _has_one_time(self) -> Self:
        if (self.crontab is None) == (self.every is None):
            raise ValueError("give either crontab or every")
        return self


class Origin(StrEnum):
    """Whether a schedule comes from the code or was added at run time."""

    CODE = "code"
    RUNTIME = "runtime"


class ScheduleRead(ResponseModel):
    """A schedule in a response."""

    name: str
    task: str
    crontab: str | None
    every: float | None = Field(description="Seconds from one run to the next.")
    arguments: dict[str, Any]
    enabled: bool
    origin: Origin
    next_run_at: datetime | None = Field(description="Null while it is paused.")
