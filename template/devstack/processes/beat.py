"""The scheduler."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    """Return how to run Celery beat."""
    celery = [stack.python, "-m", "celery", "--quiet", "--app", "app.worker"]
    # The folder lock prevents a second beat. A pid file would still be there after a crash.
    options = ["--schedule", str(stack.data / "beat-schedule"), "--pidfile", ""]
    return Process(
        name="beat",
        command=[*celery, "beat", "--loglevel", "INFO", *options],
        order=30,
        reload=True,
    )
