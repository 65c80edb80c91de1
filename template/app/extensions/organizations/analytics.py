"""Events of members belong to their organization, a group at PostHog."""

from collections.abc import Mapping
from typing import Any

from app.extensions.organizations.service.scope import current


def groups(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the organization of an event: a fact of it, or that of the request."""
    organization = facts.get("organization_id") or current.get()
    return {"organization": str(organization)} if organization else {}
