"""Which routes of this feature accept a token with scopes."""

SCOPES = {
    "documents:read": (
        "list_documents",
        "read_document",
        "read_file",
        "search_documents",
        "ask_documents",
    ),
    "documents:write": (
        "announce_document",
        "send_document",
        "complete_document",
        "retry_document",
        "cancel_document",
        "delete_document",
    ),
}
