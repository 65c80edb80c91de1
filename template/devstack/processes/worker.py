"""The Celery worker."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    """Return how to run one Celery worker."""
    return Process(
        name="worker",
        command=[stack.python, "-m", "app", "worker"],
        order=20,
        reload=True,
    )
