"""The Celery worker."""

from devstack.stack import Process, Stack


def process(stack: Stack) -> Process:
    options = "--app app.worker worker --concurrency 2 --loglevel INFO"
    return Process(
        name="worker",
        command=[stack.python, "-m", "celery", *options.split()],
        order=20,
        watch=("app",),
    )
