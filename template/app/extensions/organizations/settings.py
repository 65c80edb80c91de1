"""Settings of this feature, `ORGANIZATIONS_…` in the environment."""

import re

from pydantic import Field, HttpUrl, field_validator

from app.core.settings import CommaList, FeatureSettings

_ROLE = re.compile(r"[a-z][a-z0-9_]{0,29}")


class OrganizationSettings(FeatureSettings, env_prefix="ORGANIZATIONS_"):
    """Roles of members, invitations, and the deletion of organizations."""

    roles: CommaList = Field(default_factory=list)
    """Roles besides owner, admin and member, as billing,viewer, with commas."""
    invitation_url: HttpUrl = HttpUrl("http://localhost:3000/invitation")
    """Page of the frontend that accepts an invitation; the link to it ends with #token=…."""
    invitation_days: int = Field(default=7, ge=1, le=90)
    """Days after which an invitation expires."""
    deletion_days: int = Field(default=30, ge=1, le=3650)
    """Days for which a deleted organization can be restored."""

    @field_validator("roles")
    @classmethod
    def _check_roles(cls, roles: list[str]) -> list[str]:
        if wrong := [role for role in roles if not _ROLE.fullmatch(role)]:
            raise ValueError(
                f"{wrong[0]} is no name of a role: use up to 30 lower-case letters, digits and "
                "underscores, and start with a letter"
            )
        return roles


SETTINGS = OrganizationSettings
