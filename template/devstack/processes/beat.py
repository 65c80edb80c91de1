"""The scheduler."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    """Run the Celery beat."""
    celery = [stack.python, "-m", "celery", "--quiet", "--app", "app.worker"]
    # The folder lock sees to it that there is one; a pid file would outlive a crash.
    options = ["--schedule", str(stack.data / "beat-schedule"), "--pidfile", ""]
    return Process(
        name="beat",
        command=[*celery, "beat", "--loglevel", "INFO", *options],
        order=30,
        watch=("app",),
    )
