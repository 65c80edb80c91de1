"""Which routes of this feature accept a token with scopes."""

SCOPES = {"users:read": ("read_me",)}
