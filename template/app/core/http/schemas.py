"""Base of request and response models, and types that hold only what Postgres can store."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

# Python and Postgres hold more, but at the edges a change of the time zone or a sum overflows.
FIRST, END = datetime(2, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

# Use these two instead of `datetime` and `date` in parameters and bodies.
UtcDatetime = Annotated[
    AwareDatetime,
    Field(ge=FIRST, lt=END),
    AfterValidator(lambda moment: moment.astimezone(UTC)),
]
BoundedDate = Annotated[date, Field(ge=FIRST.date(), lt=END.date())]

# The largest values of the column types INTEGER and BIGINT.
MAX_INTEGER, MAX_BIGINT = 2**31 - 1, 2**63 - 1


class QueryModel(BaseModel):
    """Query parameters. An unknown one is an error, so a typo is not ignored silently."""

    model_config = ConfigDict(extra="forbid")


class RequestModel(BaseModel):
    """A request body. An unknown field is an error, and so is NUL in a text.

    `RequestGuard` refuses NUL everywhere else in a request.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_nul(cls, value: Any) -> Any:
        inside = [value]
        while inside:
            match inside.pop():
                case str() as text if "\0" in text:
                    raise PydanticCustomError("nul_character", "Text may not contain NUL.")
                case dict() as members:
                    inside += [*members, *members.values()]
                case list() as members:
                    inside += members
        return value


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class PatchModel(RequestModel):
    """A body of changes: a field that is not sent keeps its value, so OpenAPI shows no default.

    Defaults are placeholders: `model_dump(exclude_unset=True)` has the fields that were sent.
    """

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class ResponseModel(BaseModel):
    """A response body, built from the attributes of a row or an entity."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class TaskAccepted(ResponseModel):
    """Work that the workers will do; follow it at `/tasks/{task_id}`."""

    task_id: UUID
