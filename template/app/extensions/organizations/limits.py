"""Limits of the routes that write to addresses which somebody else gives."""

from app.extensions.limits.deps import Limit

INVITATIONS = Limit("organizations.invite", "60/hour")

LIMITS = {"invite": INVITATIONS, "resend_invitation": INVITATIONS}
