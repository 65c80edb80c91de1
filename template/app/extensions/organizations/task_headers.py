"""The organization in which a task is enqueued, for the worker that runs the task."""

from app.extensions.organizations.service.scope import current


def headers() -> dict[str, str]:
    """Return `organization_id`, if the running code works for an organization."""
    organization = current.get()
    return {"organization_id": organization} if organization else {}
