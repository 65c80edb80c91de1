"""Which routes of this feature accept a token with scopes."""

SCOPES = {
    "items:read": ("list_items", "read_item"),
    "items:write": ("create_item", "update_item", "complete_all_items", "delete_item"),
}
