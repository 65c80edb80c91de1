"""Access tokens that this feature issues for the API: those of admins who act as a user."""

from app.extensions.admin.impersonation import verify as verify
