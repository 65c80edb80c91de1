"""Limits of this feature's routes: those that read files, embed a question or call a model."""

from app.extensions.limits.deps import Limit

_UPLOAD = Limit("documents.upload", "60/minute")

LIMITS = {
    "announce_document": _UPLOAD,
    "send_document": _UPLOAD,
    "complete_document": _UPLOAD,
    "retry_document": _UPLOAD,
    "search_documents": Limit("documents.search", "60/minute"),
    "ask_documents": Limit("documents.ask", "20/minute"),
}
