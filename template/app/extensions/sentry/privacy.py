"""Decides what of an event leaves this backend."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# Everything else is left out: the request with its query, headers, cookies and body, breadcrumbs,
# local variables, and what integrations add that a team switches on.
KEPT = (
    *("event_id", "timestamp", "platform", "level", "sdk", "release", "environment", "server_name"),
    *("transaction", "transaction_info", "tags", "fingerprint", "logger"),
)
KEPT_OF_CHECK_INS = (
    *("type", "event_id", "timestamp", "platform", "sdk", "release", "environment"),
    *("check_in_id", "monitor_slug", "monitor_config", "status", "duration"),
)
KEPT_OF_FRAMES = (
    *("filename", "abs_path", "module", "function", "lineno", "in_app"),
    *("pre_context", "context_line", "post_context"),
)


def cleaned(event: "Event", _: "Hint") -> "Event | None":
    """Return the event without what people sent, and without secrets.

    The messages of exceptions are left out, because they quote values: the one of a unique
    constraint has the value that is there already. The log has them, with the same request id.
    """
    given: dict[str, Any] = {**event}
    if given.get("type") == "check_in":
        return {name: given[name] for name in KEPT_OF_CHECK_INS if name in given}  # type: ignore[return-value]
    found = {name: given[name] for name in KEPT if name in given}
    if user := (given.get("user") or {}).get("id"):
        found["user"] = {"id": user}
    if runtime := (given.get("contexts") or {}).get("runtime"):
        found["contexts"] = {"runtime": runtime}
    values = (given.get("exception") or {}).get("values") or []
    found["exception"] = {"values": [_exception(value) for value in values]}
    return found  # type: ignore[return-value]


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "mechanism": {"type": "app", "handled": True},
        "stacktrace": {
            "frames": [
                {name: frame[name] for name in KEPT_OF_FRAMES if name in frame} for frame in frames
            ]
        },
    }
