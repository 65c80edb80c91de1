"""Base of request and response models."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class RequestModel(BaseModel):
    """A request body. An unknown field is an error, so a typo is not ignored silently."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


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
