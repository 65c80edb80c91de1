"""Base of request and response models."""

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """A request body: an unknown field is an error, so that a typo is never lost in silence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Response(BaseModel):
    """A response body, built from rows or entities by attribute."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class TaskAccepted(Response):
    """Work that was handed to the workers; follow it at `/tasks/{task_id}`."""

    task_id: str
