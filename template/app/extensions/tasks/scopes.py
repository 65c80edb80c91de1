"""Which routes of this feature accept a token with scopes."""

SCOPES = {
    "tasks:read": ("list_tasks", "read_task", "follow_task"),
    "tasks:write": ("cancel_task",),
}
