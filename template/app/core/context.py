"""The request, task and user that the running code works for; every log line names them.

structlog's `merge_contextvars` is not used: it visits every variable of the context for each line.
"""

from collections.abc import Callable
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
task_id: ContextVar[str | None] = ContextVar("task_id", default=None)
user_id: ContextVar[str | None] = ContextVar("user_id", default=None)
# Who acts as that user, if it is somebody else: a person, or a program with a token of its own.
actor_id: ContextVar[str | None] = ContextVar("actor_id", default=None)

BOUND = {"request_id": request_id, "task_id": task_id, "user_id": user_id, "actor_id": actor_id}

# Whose data the running code works with: the user, and what features add. A result that is kept for
# one of them is never given to another.
OWNERS = {"user_id": user_id}

# Further ids of the running code, which features add: every log line and every response to an error
# shows them. Name -> a function that returns the id, or None if there is none.
IDS: dict[str, Callable[[], str | None]] = {}
