"""The request or run in which a task is enqueued, for the worker that runs the task."""

from devstack.devpage.recorder.entry import current

PARENT = "devpage_parent"


def headers() -> dict[str, str]:
    """Return the id of the running entry, if there is one."""
    entry = current.get()
    return {PARENT: entry.id} if entry else {}
