"""The Celery worker."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    """Run one Celery worker."""
    celery = [stack.python, "-m", "celery", "--quiet", "--app", "app.worker"]
    # Alone, it has no other workers to look for, which takes a second and connections.
    options = ["--concurrency", "2", "--without-mingle", "--without-gossip"]
    return Process(
        name="worker",
        command=[*celery, "worker", "--loglevel", "INFO", *options],
        order=20,
        watch=("app",),
    )
