"""Which routes of this feature accept a token with scopes."""

SCOPES = {
    "organizations:read": ("read_organization", "list_members"),
}
