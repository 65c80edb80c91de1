"""The Celery worker."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    """Run one Celery worker."""
    celery = [stack.python, "-m", "celery", "--quiet", "--app", "app.worker"]
    # Workers do not talk to each other: that takes a second, and connections to Redis.
    options = "--concurrency 2 --without-mingle --without-gossip".split()
    return Process(
        name="worker",
        command=[*celery, "worker", "--loglevel", "INFO", *options],
        order=20,
        watch=("app",),
    )
