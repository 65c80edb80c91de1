"""Measures the coverage of tasks, in the child processes of the tests' worker.

A child writes its data after each task, because tests kill the worker. With `patch = fork`,
coverage.py would write nothing then, and a child can deadlock, because the worker has threads.
"""

import os
from typing import Any

import coverage
from celery.signals import task_postrun, worker_process_init


def measure() -> None:
    """Measure in the children of this process, if this process is measured itself."""
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        worker_process_init.connect(_start)
        task_postrun.connect(_save)


def _start(**_: Any) -> None:
    coverage.process_startup(force=True)


def _save(**_: Any) -> None:
    if measured := coverage.Coverage.current():
        measured.save()
