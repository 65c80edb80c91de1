"""Base of request and response models."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class RequestModel(BaseModel):
    """A request body: an unknown field is an error, so that a typo is never lost in silence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class PatchModel(RequestModel):
    """A body of changes: what is not sent stays, so no default is promised to its readers.

    Fields have one all the same, which nobody reads; take `model_dump(exclude_unset=True)`.
    """

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class ResponseModel(BaseModel):
    """A response body, built from rows or entities by attribute."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class TaskAccepted(ResponseModel):
    """Work that was handed to the workers; follow it at `/tasks/{task_id}`."""

    task_id: UUID
