"""Who and what the running code works for, bound to every log line of it."""

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
task_id: ContextVar[str | None] = ContextVar("task_id", default=None)
user_id: ContextVar[str | None] = ContextVar("user_id", default=None)
# Who acts in the place of that user, if somebody does.
actor_id: ContextVar[str | None] = ContextVar("actor_id", default=None)

BOUND = {"request_id": request_id, "task_id": task_id, "user_id": user_id, "actor_id": actor_id}
