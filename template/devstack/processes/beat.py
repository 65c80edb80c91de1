"""The scheduler."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    # The folder lock sees to it that there is one; a pid file would outlive a crash.
    options = [
        "--schedule",
        str(stack.data / "beat-schedule"),
        "--pidfile",
        "",
        "--loglevel",
        "INFO",
    ]
    return Process(
        name="beat",
        command=[stack.python, "-m", "celery", "--app", "app.worker", "beat", *options],
        order=30,
        watch=("app",),
    )
