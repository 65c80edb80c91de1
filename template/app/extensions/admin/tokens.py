"""Tokens of this feature that the API takes: those of admins who act as a user."""

from app.extensions.admin.act_as import verify as verify
